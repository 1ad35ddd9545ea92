import Glibc

/// The file that takes the place of standard error, where there is one: whatever a process and its children write to
/// descriptor 2 is appended to it.
struct LogFile {
    let path: String

    /// Opens it, or opens it anew after it was renamed.
    ///
    /// - Throws: ``SettingFault``, also for a FIFO that nobody reads; standard error then stays what it was.
    func open() throws(SettingFault) {
        // Whoever waited here for a FIFO's reader would not start, or no longer look after the pool.
        let descriptor = Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0o640)
        // Who writes may wait: what must not has an opening of its own.
        guard descriptor >= 0, fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK) >= 0,
            dup2(descriptor, STDERR_FILENO) >= 0
        else {
            let code = errno
            if descriptor >= 0 { close(descriptor) }
            throw SettingFault(
                "CHAT_LOG_FILE names \(path), which cannot be opened: \(String(cString: strerror(code)))")
        }
        close(descriptor)
    }
}
