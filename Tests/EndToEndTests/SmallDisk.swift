import Foundation

/// A small file system in memory, which goes with this value.
final class SmallDisk: Sendable {
    let folder: String

    static let isPossible: Bool = {
        guard geteuid() == 0, let folder = try? Deployment.newFolder() else { return false }
        defer { rmdir(folder) }
        guard mount("tmpfs", folder, "tmpfs", 0, "size=64k") == 0 else { return false }
        return umount2(folder, Int32(MNT_DETACH)) == 0
    }()

    init(bytes: Int) async throws {
        folder = try Deployment.newFolder()
        guard mount("tmpfs", folder, "tmpfs", 0, "size=\(bytes),mode=0700") == 0 else { throw POSIXError(.EPERM) }
    }

    deinit {
        umount2(folder, Int32(MNT_DETACH))
        rmdir(folder)
    }

    /// Leaves not one block.
    func fill() throws {
        let descriptor = open(folder + "/filler", O_WRONLY | O_CREAT, 0o600)
        defer { close(descriptor) }
        let block = [UInt8](repeating: 0, count: 4_096)
        while write(descriptor, block, block.count) > 0 {}
        guard errno == ENOSPC else { throw POSIXError(.EIO) }
    }

    func free() throws { try FileManager.default.removeItem(atPath: folder + "/filler") }

    /// The same files, of which none can be opened for writing.
    func lock() async throws {
        for arguments in [["--bind", folder, folder], ["-o", "remount,bind,ro", folder]] {
            let (code, _, errors) = try await EndToEndTests.run("/bin/mount", arguments)
            guard code == 0 else { throw RunningProcess.Ended(description: errors) }
        }
    }

    func unlock() async throws {
        let (code, _, errors) = try await EndToEndTests.run("/bin/umount", ["--lazy", folder])
        guard code == 0 else { throw RunningProcess.Ended(description: errors) }
    }
}
