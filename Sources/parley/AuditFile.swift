import Chat
import Glibc
import Logging
import SharedMemory
import StrictJSON
import Synchronization

/// The audit log: a line of JSON for each event, appended to a file that only its owner reads.
///
/// A line is one write (O_APPEND), so that those of several processes do not mix. What cannot be written fails no request:
/// the log says so, and how many lines are missing once there is room again.
final class AuditFile: AuditLog {
    private struct State {
        var descriptor: Int32 = -1
        var lost = 0
    }

    private let path: String
    private let log: Logger
    private let state = Mutex(State())

    /// Nil where there is none.
    init?(_ sources: SettingSources, _ log: Logger) throws(SettingFault) {
        guard let path = try sources.optional(Catalog.auditLog) else { return nil }
        (self.path, self.log) = (path, log)
        reopen()
    }

    deinit {
        state.withLock { if $0.descriptor >= 0 { close($0.descriptor) } }
    }

    func record(_ event: AuditEvent) { write(Self.line(event)) }

    /// After it was renamed.
    func reopen() {
        let cause = state.withLock { Self.open(path, &$0) }
        if let cause { log.error("audit log not available", metadata: ["cause": "\(path): \(cause)"]) }
    }

    private func write(_ line: [UInt8]) {
        let (cause, recovered): (String?, Int) = state.withLock { state in
            // One that was deleted is made anew.
            var status = stat()
            if state.descriptor < 0 || fstat(state.descriptor, &status) != 0 || status.st_nlink == 0,
                let cause = Self.open(path, &state)
            {
                state.lost += 1
                return (state.lost == 1 ? cause : nil, 0)
            }
            // Whoever had no room for a whole line, in this process or another, left the beginning of one.
            var last = UInt8(ascii: "\n")
            let size = lseek(state.descriptor, 0, SEEK_END)
            if size > 0 { _ = pread(state.descriptor, &last, 1, size - 1) }
            let text = last == UInt8(ascii: "\n") ? line : [UInt8(ascii: "\n")] + line
            let count = text.withUnsafeBytes { Glibc.write(state.descriptor, $0.baseAddress, $0.count) }
            let code = errno
            guard count == text.count else {
                state.lost += 1
                let cause = count < 0 ? String(cString: strerror(code)) : "there is no room for a whole line"
                return (state.lost == 1 ? cause : nil, 0)
            }
            defer { state.lost = 0 }
            return (nil, state.lost)
        }
        if let cause { log.error("audit line not written", metadata: ["cause": "\(path): \(cause)"]) }
        if recovered > 0 { log.error("audit lines lost", metadata: ["lines": .stringConvertible(recovered)]) }
    }

    /// - Returns: why it cannot be opened.
    private static func open(_ path: String, _ state: inout State) -> String? {
        if state.descriptor >= 0 { close(state.descriptor) }
        // Nothing that would have to be waited for, and no file that somebody's link leads to.
        let flags = O_RDWR | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW
        state.descriptor = Glibc.open(path, flags)
        if state.descriptor < 0, errno == ENOENT {
            state.descriptor = Glibc.open(path, flags | O_CREAT, 0o600)
            // A command of root's must not keep the pool from its file.
            if state.descriptor >= 0 { _ = giveAway(state.descriptor, toOwnerOf: parent(of: path)) }
        }
        let code = errno
        guard state.descriptor >= 0 else { return String(cString: strerror(code)) }
        var status = stat()
        guard fstat(state.descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(state.descriptor)
            state.descriptor = -1
            return "it is no file"
        }
        return nil
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    static func line(_ event: AuditEvent) -> [UInt8] {
        JSONWriter.object(before: "\n", escapes: .plain) { json in
            json.member("time", LogOutput.now())
            json.member("action", event.action.rawValue)
            if let user = event.user { json.member("user", user.rawValue) }
            if let session = event.session { json.member("session", session.rawValue) }
            if event.user == nil { json.member("uid", Int(getuid())) }
            if !event.objects.isEmpty {
                json.array("of") { list in for object in event.objects { list.element(object) } }
            }
            if let count = event.count { json.member("count", count) }
            if let id = event.requestID { json.member("request_id", id) }
            json.member("pid", LogOutput.pid)
        }
    }
}

extension AuditFile {
    /// Of a command at the machine.
    static func record(_ event: AuditEvent, _ sources: SettingSources) throws(SettingFault) {
        try AuditFile(sources, .parley(.info))?.record(event)
    }
}
