internal import Glibc

/// How to write to a descriptor without waiting, although it blocks and must go on to: O_NONBLOCK belongs to the open file,
/// which other processes have too.
enum OutputFile {
    /// A file, which takes what there is space for.
    case plain(Int32)
    /// A socket, such as the journal's, takes a flag with each call.
    case socket(Int32)
    /// A pipe or a terminal that was opened once more, non-blocking, for this process alone.
    case own(Int32)
    /// One that this user may not open. Only a thread can write to it.
    case blocking

    enum Result {
        case written(Int)
        case wouldBlock
        /// It takes nothing: the reader has gone, or the disk is full.
        case failed
    }

    init(_ descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            self = .plain(descriptor)
            return
        }
        switch status.st_mode & S_IFMT {
        case S_IFSOCK: self = .socket(descriptor)
        case S_IFIFO, S_IFCHR:
            let own = open("/proc/self/fd/\(descriptor)", O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
            self = own >= 0 ? .own(own) : .blocking
        default: self = .plain(descriptor)
        }
    }

    func close() {
        if case .own(let descriptor) = self { _ = Glibc.close(descriptor) }
    }

    /// The most bytes to write at once, so that lines of several processes do not mix: PIPE_BUF of pipe(7), and what the
    /// kernel takes for a socket in one piece. A file is locked for each write.
    var pieceLimit: Int {
        switch self {
        case .plain: 1 << 20
        case .socket: 16_384
        case .own, .blocking: 4_096
        }
    }

    func write(_ bytes: UnsafeRawBufferPointer) -> Result {
        while true {
            let count: Int
            switch self {
            case .plain(let descriptor), .own(let descriptor):
                count = Glibc.write(descriptor, bytes.baseAddress, bytes.count)
            case .socket(let descriptor):
                count = send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
            case .blocking: return .wouldBlock
            }
            if count > 0 { return .written(count) }
            if count < 0, errno == EINTR { continue }
            return count < 0 && errno == EAGAIN ? .wouldBlock : .failed
        }
    }
}
