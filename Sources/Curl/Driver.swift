internal import CCurl
internal import Glibc
internal import Threads

/// The thread that owns a multi handle and its transfers. It lives on that thread only, hence not Sendable.
final class Driver {
    /// Deadlines are looked at no more often than this, however many transfers there are.
    private static let resolution = Duration.milliseconds(10)

    private let multi: UnsafeMutableRawPointer
    private let mailbox: Mailbox
    private let configuration: CurlClient.Configuration
    private var active: [ObjectIdentifier: EasyHandle] = [:]

    private init(multi: UnsafeMutableRawPointer, _ mailbox: Mailbox, _ configuration: CurlClient.Configuration) {
        self.multi = multi
        self.mailbox = mailbox
        self.configuration = configuration
    }

    /// libcurl's own start, once a process.
    private static let isInitialized = ccurl_global_init() == CURLE_OK

    static func start(_ configuration: CurlClient.Configuration) throws(CurlError) -> Mailbox {
        guard isInitialized, let multi = curl_multi_init() else {
            throw CurlError(.unreachable, "libcurl does not start")
        }
        ccurl_multi_set_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_MULTIPLEX))
        ccurl_multi_set_long(multi, CURLMOPT_MAXCONNECTS, 256)
        let mailbox = Mailbox(multi: multi)
        do {
            try BlockingThread.detach { Driver(multi: mailbox.multi, mailbox, configuration).run() }
        } catch {
            curl_multi_cleanup(multi)
            throw CurlError(.unreachable, error.description)
        }
        return mailbox
    }

    private func run() {
        while true {
            let (commands, isClosed) = mailbox.collect()
            commands.forEach(obey)
            if isClosed { break }
            var running: Int32 = 0
            curl_multi_perform(multi, &running)
            reap()
            curl_multi_poll(multi, nil, 0, expire(), nil)
        }
        for handle in active.values {
            remove(handle.exchange)
            handle.exchange.finish(.failure(CurlError(.cancelled, "the client is gone")))
        }
        curl_multi_cleanup(multi)
    }

    private func obey(_ command: Mailbox.Command) {
        switch command {
        case .start(let exchange):
            // A task that was cancelled before its request got here.
            guard !exchange.isOver else { return }
            do throws(CurlError) {
                let handle = try EasyHandle(exchange, configuration)
                active[ObjectIdentifier(exchange)] = handle
                curl_multi_add_handle(multi, handle.easy)
            } catch {
                exchange.finish(.failure(error))
            }
        case .resume(let exchange):
            guard let handle = active[ObjectIdentifier(exchange)] else { return }
            curl_easy_pause(handle.easy, CURLPAUSE_CONT)
        case .drop(let exchange):
            remove(exchange)
        }
    }

    /// Ends the transfers that libcurl has finished.
    private func reap() {
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
            // The message dies with the handle's removal.
            let code = message.pointee.data.result
            guard let exchange = EasyHandle.exchange(of: easy) else { continue }
            let result = active[ObjectIdentifier(exchange)]?.result(code)
            remove(exchange)
            if let result { exchange.finish(result) }
        }
    }

    private func remove(_ exchange: Exchange) {
        guard let handle = active.removeValue(forKey: ObjectIdentifier(exchange)) else { return }
        curl_multi_remove_handle(multi, handle.easy)
        handle.close()
    }

    /// Ends the transfers whose deadline has passed.
    ///
    /// - Returns: milliseconds until the next look.
    private func expire() -> Int32 {
        let now = ContinuousClock.now
        if mailbox.takeAlarm(at: now) {
            var next: ContinuousClock.Instant?
            for handle in active.values {
                if let deadline = handle.exchange.expire(at: now) {
                    next = min(next ?? deadline, deadline)
                } else if handle.exchange.isOver {
                    remove(handle.exchange)
                }
            }
            if let next { mailbox.watch(max(next, now + Self.resolution)) }
        }
        guard let alarm = mailbox.alarm else { return 60_000 }
        let wait = min(max(now.duration(to: alarm), .zero), .seconds(60))
        // Rounded up, or the last millisecond would be a busy loop.
        return Int32(wait.components.seconds * 1000 + wait.components.attoseconds / 1_000_000_000_000_000) + 1
    }
}
