internal import Glibc

/// Gives a new file to whom the folder or file at `model` belongs: what root makes for a service that runs as another
/// user must be that user's. Does nothing unless this process is root, or where nothing is at `model`.
///
/// - Returns: false, and why in `errno`, when it cannot be given away.
public func giveAway(_ descriptor: Int32, toOwnerOf model: String) -> Bool {
    var status = stat()
    guard geteuid() == 0, stat(model, &status) == 0 else { return true }
    return fchown(descriptor, status.st_uid, status.st_gid) == 0
}
