import Glibc

/// How the process was started.
public enum Mode: Sendable, Equatable {
    /// With a listening socket as descriptor 0: a pool, spawn-fcgi or systemd.
    case worker
    /// By a web server, for one request in the environment (RFC 3875).
    case cgi
    /// By hand.
    case none

    /// `FCGX_IsCGI` is not asked: it takes any unconnected socket for a listening one.
    public static func detect() -> Mode {
        detect(descriptor: 0, isCGI: getenv("GATEWAY_INTERFACE") != nil || getenv("REQUEST_METHOD") != nil)
    }

    static func detect(descriptor: Int32, isCGI: Bool) -> Mode {
        var isListening: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        let result = getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &isListening, &length)
        if result == 0, isListening != 0 { return .worker }
        return isCGI ? .cgi : .none
    }
}
