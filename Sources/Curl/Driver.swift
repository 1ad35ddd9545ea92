internal import CCurl
internal import Synchronization
internal import Threads

/// The thread that owns the multi handles and their transfers. It lives on that thread only, hence not Sendable.
///
/// What a turn costs depends on how many transfers something happened to, not on how many there are.
final class Driver {
    private struct Running {
        let handle: EasyHandle
        let multi: Multi
    }

    /// Deadlines are looked at no more often than this, however many transfers there are.
    private static let resolution = Duration.milliseconds(10)

    /// How long the connections that a burst has left behind are kept for the next one.
    private static let afterBurst = Duration.seconds(60)

    private let poller: Poller
    private let share: Share
    private let mailbox: Mailbox
    private let configuration: CurlClient.Configuration
    /// Filled from the front, so that connections are shared and the last handles are needed in a burst only.
    private var multis: [Multi]
    private var active: [ObjectIdentifier: Running] = [:]
    private var deadlines = Deadlines()
    private var lastLook = ContinuousClock.now

    private init(_ mailbox: Mailbox, _ configuration: CurlClient.Configuration) throws(CurlError) {
        guard Self.isInitialized else { throw CurlError(.unreachable, "libcurl does not start") }
        poller = try Poller(mailbox.wakeUp)
        share = try Share()
        multis = [try Multi(number: 0, poller)]
        self.mailbox = mailbox
        self.configuration = configuration
    }

    deinit {
        for multi in multis { multi.close() }
    }

    /// libcurl's own start, once a process.
    private static let isInitialized = ccurl_global_init() == CURLE_OK

    static func start(_ configuration: CurlClient.Configuration) throws(CurlError) -> Mailbox {
        // The thread takes the driver out of here, so that nobody else can have it.
        final class Handover: Sendable {
            let driver: Mutex<Driver?>
            init(_ driver: sending Driver) { self.driver = Mutex(driver) }
            func take() -> sending Driver? { driver.withLock { $0.take() } }
        }
        let mailbox = Mailbox(try WakeUp())
        let handover = Handover(try Driver(mailbox, configuration))
        do {
            try BlockingThread.detach { handover.take()?.run() }
        } catch {
            throw CurlError(.unreachable, error.description)
        }
        return mailbox
    }

    private func run() {
        while true {
            let (commands, isClosed) = mailbox.collect()
            commands.forEach(obey)
            if isClosed { break }
            let now = ContinuousClock.now
            for multi in multis { multi.actOnTimer(at: now) }
            reap()
            // First, for both end transfers, and that may set a timer.
            let looks = [expire(), retire()]
            let next = (looks + multis.map(\.timer)).compactMap { $0 }.min()
            poller.wait(until: next) { owner, socket, events in multis[Int(owner)].act(on: socket, events) }
        }
        for running in active.values {
            let exchange = running.handle.exchange
            remove(exchange)
            exchange.finish(.failure(CurlError(.cancelled, "the client is gone")))
        }
    }

    private func obey(_ command: Mailbox.Command) {
        switch command {
        case .start(let exchange):
            // A task that was cancelled before its request got here.
            guard let (request, deadline) = exchange.takeRequest() else { return }
            do throws(CurlError) {
                try start(request, for: exchange)
                watch(exchange, until: deadline)
            } catch {
                exchange.finish(.failure(error))
            }
        case .resume(let exchange):
            guard let running = active[ObjectIdentifier(exchange)] else { return }
            // It sets libcurl's timer, and the next look at that reads the socket.
            curl_easy_pause(running.handle.easy, CURLPAUSE_CONT)
            // What it had held back was too much: libcurl says so to nobody else.
            if exchange.isOver { remove(exchange) }
        case .drop(let exchange):
            remove(exchange)
        case .watch(let exchange, let deadline):
            watch(exchange, until: deadline)
        }
    }

    private func watch(_ exchange: Exchange, until deadline: ContinuousClock.Instant) {
        let id = ObjectIdentifier(exchange)
        guard active[id] != nil else { return }
        deadlines.add(.init(instant: deadline, transfer: id)) { active[$0] != nil }
    }

    private func start(_ request: HTTPRequest, for exchange: Exchange) throws(CurlError) {
        let multi: Multi
        if let free = multis.first(where: { !$0.isFull }) {
            multi = free
        } else {
            multi = try Multi(number: Int32(multis.count), poller)
            multis.append(multi)
        }
        let handle = try EasyHandle(request, for: exchange, configuration, share)
        active[ObjectIdentifier(exchange)] = Running(handle: handle, multi: multi)
        multi.add(handle.easy)
    }

    /// Ends the transfers that libcurl has finished.
    private func reap() {
        for multi in multis {
            while let (easy, code) = multi.nextEnded() {
                guard let exchange = EasyHandle.exchange(of: easy) else { continue }
                let result = active[ObjectIdentifier(exchange)]?.handle.result(code)
                remove(exchange)
                if let result { exchange.finish(result) }
            }
        }
    }

    private func remove(_ exchange: Exchange) {
        guard let running = active.removeValue(forKey: ObjectIdentifier(exchange)) else { return }
        running.multi.remove(running.handle.easy)
        running.handle.close()
    }

    /// Ends the transfers whose deadline has passed.
    ///
    /// - Returns: when to look again; nil when nobody waits.
    private func expire() -> ContinuousClock.Instant? {
        let now = ContinuousClock.now
        if now >= lastLook + Self.resolution {
            while let due = deadlines.take(dueAt: now) {
                lastLook = now
                guard let exchange = active[due.transfer]?.handle.exchange else { continue }
                if let deadline = exchange.expire(at: now, look: due.instant) {
                    watch(exchange, until: deadline)
                } else if exchange.isOver {
                    remove(exchange)
                }
            }
        }
        return deadlines.earliest.map { max($0, lastLook + Self.resolution) }
    }

    /// Closes the last handle, with its connections, when no transfer has needed it for long.
    ///
    /// - Returns: when to look again; nil while there is no such handle.
    private func retire() -> ContinuousClock.Instant? {
        guard multis.count > 1, let last = multis.last, let emptySince = last.emptySince else { return nil }
        let end = emptySince + Self.afterBurst
        guard end <= .now else { return end }
        multis.removeLast()
        last.close()
        return .now
    }
}
