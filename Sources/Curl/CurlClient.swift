internal import Synchronization

/// HTTP requests with async/await over libcurl's multi interface.
///
///     task ──open──▶ Mailbox ──commands──▶ Driver thread ──▶ epoll_wait, curl_multi_socket_action
///      ▲                                       │
///      └──────────── Exchange ◀──headers, body, end──┘
///
/// A client owns one thread. Every libcurl call happens there, so no task ever blocks on the network, and thousands of
/// transfers share connections, name look-ups and TLS sessions. One that waits costs about 16 KiB and no time. The
/// response's body is streamed: when its consumer is slow, the transfer is paused, and TCP or HTTP/2 tells the sender to
/// wait.
///
/// It refuses: redirects (the 3xx is the response), every protocol but http and https, certificates that the system's
/// authorities don't vouch for, responses above a fixed size, and compressed bodies, whose size a limit can't foresee.
public final class CurlClient: Sendable {
    public struct Configuration: Sendable {
        /// How long a name look-up, TCP and TLS may take together.
        public var connectTimeout: Duration
        /// Headers and body of one response together.
        public var maximumResponseBytes: Int
        /// A transfer whose consumer leaves this much unread is paused.
        public var bufferedBytes: Int
        public var userAgent: String

        public init(
            connectTimeout: Duration = .seconds(5), maximumResponseBytes: Int = 8 << 20,
            bufferedBytes: Int = 256 << 10, userAgent: String = "parley"
        ) {
            self.connectTimeout = connectTimeout
            self.maximumResponseBytes = maximumResponseBytes
            self.bufferedBytes = bufferedBytes
            self.userAgent = userAgent
        }
    }

    private let configuration: Configuration
    private let started = Mutex<Mailbox?>(nil)

    /// Starts nothing yet: the first request starts libcurl, TLS and the thread, which ends with the client. Together
    /// that takes 2 ms, which a process that answers from the cache needs not.
    public init(configuration: Configuration = Configuration()) {
        self.configuration = configuration
    }

    deinit {
        started.withLock { $0 }?.close()
    }

    /// The way to the client's thread.
    ///
    /// - Throws: ``CurlError`` of kind `.unreachable` when libcurl or the thread can't be started.
    private func mailbox() throws(CurlError) -> Mailbox {
        try started.withLock { started throws(CurlError) in
            if let started { return started }
            let mailbox = try Driver.start(configuration)
            started = mailbox
            return mailbox
        }
    }

    /// Tells the thread about a transfer that it has.
    func send(_ command: Mailbox.Command) { started.withLock { $0 }?.send(command) }

    /// Sends a request and waits for the response's status and headers.
    ///
    /// Cancelling the task ends the transfer at once.
    ///
    /// - Parameter deadline: when to give up waiting; see ``Transfer/moveDeadline(to:)``.
    /// - Returns: the response, whatever its status, with its body still to come.
    public func open(
        _ request: consuming HTTPRequest, deadline: ContinuousClock.Instant
    ) async throws(CurlError) -> Transfer {
        let mailbox = try mailbox()
        let exchange = Exchange(request, configuration, deadline: deadline)
        let head = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                exchange.awaitHead(continuation)
                mailbox.send(.start(exchange))
            }
        } onCancel: {
            exchange.cancel()
            mailbox.send(.drop(exchange))
        }
        return Transfer(try head.get(), exchange, client: self)
    }
}
