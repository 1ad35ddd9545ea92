import Glibc

/// The file that takes the place of standard error, where there is one: whatever a process and its children write to
/// descriptor 2 is appended to it.
struct LogFile {
    let path: String

    /// Opens it, or opens it anew after it was renamed.
    ///
    /// - Throws: ``SettingFault``; standard error then stays what it was.
    func open() throws(SettingFault) {
        let descriptor = Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0o640)
        guard descriptor >= 0, dup2(descriptor, STDERR_FILENO) >= 0 else {
            let code = errno
            if descriptor >= 0 { close(descriptor) }
            throw SettingFault(
                "CHAT_LOG_FILE names \(path), which cannot be opened: \(String(cString: strerror(code)))")
        }
        close(descriptor)
    }
}
