internal import EventLoop

/// HTTP requests with async/await over libcurl's multi interface, on the event loop.
///
///     task ──open──▶ Driver ──▶ curl_multi_socket_action ◀── the loop's sockets and timers
///      ▲                                │
///      └──────── TransferState ◀──headers, body, end──┘
///
/// No task ever blocks on the network, and thousands of transfers share connections, name look-ups and TLS sessions. One
/// that waits costs about 16 KiB and no time. The response's body is streamed: when its consumer is slow, the transfer is
/// paused, and TCP or HTTP/2 tells the sender to wait.
///
/// It refuses: redirects (the 3xx is the response), every protocol but http and https, certificates that the system's
/// authorities don't vouch for (unless ``TLS`` says otherwise), responses above a fixed size, and compressed bodies, whose size
/// a limit can't foresee.
public final class CurlClient: Sendable {
    public struct Configuration: Sendable {
        /// How long a name look-up, TCP and TLS may take together.
        public var connectTimeout: Duration
        /// Headers and body of one response together.
        public var maximumResponseBytes: Int
        /// A transfer whose consumer leaves this much unread is paused.
        public var bufferedBytes: Int
        public var userAgent: String
        public var tls: TLS
        /// Whether ``Transfer/certificateEnd()`` is wanted.
        public var wantsCertificate = false

        public init(
            connectTimeout: Duration = .seconds(5), maximumResponseBytes: Int = 8 << 20,
            bufferedBytes: Int = 256 << 10, userAgent: String = "parley", tls: TLS = TLS()
        ) {
            self.connectTimeout = connectTimeout
            self.maximumResponseBytes = maximumResponseBytes
            self.bufferedBytes = bufferedBytes
            self.userAgent = userAgent
            self.tls = tls
        }
    }

    private let configuration: Configuration
    @LoopActor private var driver: Driver?

    /// Starts nothing yet: the first request loads libcurl.
    public init(configuration: Configuration = Configuration()) {
        self.configuration = configuration
    }

    deinit {
        // Whoever still has a response has the client.
        if let driver { Task { @LoopActor in driver.close() } }
    }

    /// Loads libcurl, which the first request does otherwise.
    ///
    /// It takes some 10 ms, for with libcurl come TLS and some thirty libraries more: a process that calls nobody goes
    /// without, and one that will call somebody does it while nobody waits.
    ///
    /// - Throws: ``CurlError`` of kind `.unreachable` when a library is missing.
    public static func load() async throws(CurlError) { try await Library.load() }

    /// Sends a request and waits for the response's status and headers.
    ///
    /// Cancelling the task ends the transfer at once.
    ///
    /// - Parameter deadline: when to give up waiting; see ``Transfer/moveDeadline(to:)``.
    /// - Returns: the response, whatever its status, with its body still to come.
    public func open(
        _ request: consuming HTTPRequest, deadline: ContinuousClock.Instant
    ) async throws(CurlError) -> Transfer {
        let state = try await start(request, deadline)
        return Transfer(try await state.awaitHead(), state, client: self)
    }

    /// While the transfer waits, libcurl's copy of the request is the only one.
    @LoopActor private func start(
        _ request: consuming HTTPRequest, _ deadline: ContinuousClock.Instant
    ) async throws(CurlError) -> TransferState {
        if driver == nil { try await Library.load() }
        let driver: Driver
        if let started = self.driver {
            driver = started
        } else {
            driver = try Driver(configuration)
            self.driver = driver
        }
        return try driver.start(request, deadline: deadline)
    }
}
