import Glibc

/// Which file a name leads to now.
struct FileIdentity: Equatable {
    let device: dev_t
    let inode: ino_t
    let size: Int64
    let modified: timespec
    var mode: mode_t
    let owner: uid_t
    let group: gid_t

    /// - Returns: nil when nothing has that name.
    /// - Throws: ``StorageFailure`` when the kernel does not tell.
    init?(_ path: String) throws {
        var status = stat()
        guard stat(path, &status) == 0 else {
            guard errno == ENOENT || errno == ENOTDIR else { throw StorageFailure("look at", path) }
            return nil
        }
        self.init(status)
    }

    /// - Returns: nil when the kernel does not tell.
    init?(descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        self.init(status)
    }

    private init(_ status: stat) {
        (device, inode, size) = (status.st_dev, status.st_ino, Int64(status.st_size))
        (modified, mode, owner, group) = (status.st_mtim, status.st_mode, status.st_uid, status.st_gid)
    }

    static func == (one: FileIdentity, other: FileIdentity) -> Bool {
        one.inode == other.inode && one.device == other.device
    }

    /// Whether both are the same file, and nothing was written to it in between; or both are none.
    static func areUnchanged(_ one: FileIdentity?, _ other: FileIdentity?) -> Bool {
        guard let one, let other else { return one == nil && other == nil }
        return one == other && one.size == other.size && one.modified.tv_sec == other.modified.tv_sec
            && one.modified.tv_nsec == other.modified.tv_nsec
    }
}
