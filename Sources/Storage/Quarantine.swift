import Glibc

/// Keeps files that are in the way, under names that tell when and why. Nothing is deleted.
enum Quarantine {
    /// `<path>-<why>-20261121T053000Z`, and with a number behind it when that is taken.
    static func name(_ path: String, _ why: String) throws -> String {
        var (seconds, date) = (time(nil), tm())
        gmtime_r(&seconds, &date)
        var stamp = [CChar](repeating: 0, count: 32)
        strftime(&stamp, stamp.count, "%Y%m%dT%H%M%SZ", &date)
        let name = "\(path)-\(why)-" + String(decoding: stamp.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
        var number = 1
        var free = name
        while try ["", "-wal", "-shm"].contains(where: { try FileIdentity(free + $0) != nil }) {
            number += 1
            free = "\(name)-\(number)"
        }
        return free
    }

    /// - Returns: whether there was anything.
    @discardableResult
    static func move(_ endings: [String], of path: String, to aside: String) throws -> Bool {
        var isAny = false
        for ending in endings {
            if rename(path + ending, aside + ending) == 0 {
                isAny = true
            } else if errno != ENOENT {
                throw StorageFailure("move", path + ending)
            }
        }
        return isAny
    }
}
