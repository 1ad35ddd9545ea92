import Glibc

/// What the kernel says of another process.
enum ProcessState: Equatable {
    case running
    /// By SIGSTOP, a terminal or a debugger.
    case stopped
    /// Nobody has it any more, or it waits to be reaped.
    case dead

    init(of pid: pid_t) {
        let file = open("/proc/\(pid)/stat", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            // What may not be looked at is there.
            self = kill(pid, 0) == 0 || errno == EPERM ? .running : .dead
            return
        }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 512)
        let count = read(file, &bytes, bytes.count)
        let text = bytes.prefix(max(0, count))
        // The state comes after the name, which is in parentheses and may have some of its own (proc(5)).
        let rest = text.lastIndex(of: UInt8(ascii: ")")).map { text[$0...].dropFirst(2) }
        switch rest?.first.map({ Character(UnicodeScalar($0)) }) {
        case "Z", "X", "x", nil: self = .dead
        case "T", "t": self = .stopped
        default: self = .running
        }
    }
}
