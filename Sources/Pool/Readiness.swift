import Glibc

/// How the supervisor hears that a worker serves: the worker writes its process id and a line feed into a pipe.
///
/// The kernel sends SIGIO when something has come. Nothing is read but by the supervisor's loop, so what has not been
/// heard yet outlives an exec.
struct Readiness {
    let pipe: Pipe

    /// The calling process is the one that gets SIGIO.
    init(_ pipe: Pipe) throws(PoolError) {
        self.pipe = pipe
        let flags = fcntl(pipe.reading, F_GETFL)
        guard flags >= 0, fcntl(pipe.reading, F_SETOWN, getpid()) == 0,
            fcntl(pipe.reading, F_SETFL, flags | O_NONBLOCK | O_ASYNC) == 0
        else { throw .system(call: "fcntl", subject: "readiness", errno: errno) }
    }

    /// Takes what has come.
    ///
    /// - Returns: the process ids of workers that serve now.
    func hear() -> [pid_t] {
        var text: [UInt8] = []
        var bytes = [UInt8](repeating: 0, count: 4_096)
        while case let count = read(pipe.reading, &bytes, bytes.count), count > 0 { text += bytes.prefix(count) }
        return text.split(separator: UInt8(ascii: "\n")).compactMap { pid_t(String(decoding: $0, as: UTF8.self)) }
    }
}
