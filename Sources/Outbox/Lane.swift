import Chat
import FoundationEssentials

/// Sends one kind.
final class Lane: Sendable {
    /// After this many failures in a row, whoseever they are, the receiver is taken to be away.
    private static let patience = 3
    /// After which an exchange is no news any more.
    private static let lifetime: TimeInterval = 86_400
    private static let batch = 64
    /// Between two looks into the database where nobody has put anything in.
    private static let lookInterval = Duration.seconds(30)
    /// A look that finds nothing to send is not repeated for so many times what it took.
    private static let rest = 50
    /// Between two tries of what has never been tried, while the receiver is taken to be away.
    private static let longestProbe = Duration.seconds(30)
    /// A receiver that asks for a longer pause stands still.
    private static let longestPause = Duration.seconds(60)

    private let delivery: any Delivery
    private let store: any OutboxStore
    private let board: OutboxBoard
    private let clock: any Clock<Duration>
    private let onEvent: @Sendable (Sender.Event) -> Void

    private var kind: OutboxKind { delivery.kind }

    /// What one run remembers.
    private struct Run {
        var failures = 0
        var pausedUntil: ContinuousClock.Instant?
        /// It is the receiver that asks for the pause.
        var isLimited = false
        var probed = ContinuousClock.now
        var restsUntil = ContinuousClock.now
        var seen: UInt64?
        var looked = ContinuousClock.now
        var buried: ContinuousClock.Instant?
        var sent = 0
        var lost: Int
        var lossTold: ContinuousClock.Instant?
        var isUnavailable = false

        func isPaused(at now: ContinuousClock.Instant) -> Bool { pausedUntil.map { $0 > now } ?? false }
    }

    init(
        _ delivery: any Delivery, _ store: any OutboxStore, _ board: OutboxBoard, _ clock: any Clock<Duration>,
        _ onEvent: @escaping @Sendable (Sender.Event) -> Void
    ) {
        (self.delivery, self.store, self.board) = (delivery, store, board)
        (self.clock, self.onEvent) = (clock, onEvent)
    }

    /// Returns soon after `isStopping`.
    func run(_ isStopping: @escaping @Sendable () -> Bool) async {
        var run = Run(lost: board.status(of: kind).lost)
        if !board.isStopped(kind, with: delivery.settings), board.status(of: kind).isStopped { _ = board.goOn(kind) }
        while !isStopping() {
            do {
                try await turn(&run, isStopping)
                run.isUnavailable = false
            } catch {
                if !run.isUnavailable {
                    onEvent(.unavailable(cause: (error as? ChatError)?.cause ?? "\(error)"))
                }
                run.isUnavailable = true
            }
            noteLost(&run)
            let pause = run.pausedUntil.map { max(.milliseconds(1), $0 - .now) } ?? Sender.tick
            try? await clock.sleep(for: min(pause, Sender.tick))
        }
    }

    /// What was stopped is tried again: it is by hand.
    ///
    /// - Returns: how many were sent, and whether nothing failed.
    func drain() async throws -> (sent: Int, isWell: Bool) {
        var run = Run(lost: board.status(of: kind).lost)
        try await buryOld(&run)
        while run.pausedUntil == nil, try await pass(&run, { false }) {}
        board.set(try await store.counts(of: kind), of: kind)
        if run.failures > 0, run.sent == 0 { _ = board.standStill(kind, since: Date()) }
        return (run.sent, run.failures == 0 && !board.status(of: kind).isStopped)
    }

    private func turn(_ run: inout Run, _ isStopping: @escaping @Sendable () -> Bool) async throws {
        let (arrivals, now) = (board.arrivals, ContinuousClock.now)
        if !run.isPaused(at: now) { (run.pausedUntil, run.isLimited) = (nil, false) }
        let isNews = arrivals != run.seen || now - run.looked > Self.lookInterval
        guard isNews || board.status(of: kind).counts.pending > 0 else { return }
        let isIdle = now < run.restsUntil || run.isLimited
        if isIdle, !isNews { return }
        (run.seen, run.looked) = (arrivals, now)
        try await buryOld(&run)
        if !board.isStopped(kind, with: delivery.settings) {
            if run.isPaused(at: .now) { try await probe(&run, isStopping) }
            while !isStopping(), !run.isPaused(at: .now), try await pass(&run, isStopping) {}
        }
        let counts = try await store.counts(of: kind)
        board.set(counts, of: kind)
        // Nothing is left that could go on.
        if counts.pending == 0, !board.status(of: kind).isStopped { goOn() }
    }

    /// What fails may be what was sent, and not the receiver: one that was never tried is tried now and then, so that some
    /// texts that nobody takes hold up no others.
    private func probe(_ run: inout Run, _ isStopping: @escaping @Sendable () -> Bool) async throws {
        let pause = min(Self.longestProbe, Sender.tick * run.failures)
        guard !run.isLimited, ContinuousClock.now - run.probed > pause else { return }
        run.probed = .now
        let entries = try await store.due(kind, limit: Self.batch)
        guard let fresh = entries.first(where: { $0.attempts == 0 }), !isStopping() else { return }
        let (failures, pausedUntil) = (run.failures, run.pausedUntil)
        _ = try await tell(fresh, &run, isStopping)
        if run.failures > failures { (run.failures, run.pausedUntil) = (failures, pausedUntil) }
    }

    private func buryOld(_ run: inout Run) async throws {
        let now = ContinuousClock.now
        if let buried = run.buried, now - buried < .seconds(60) { return }
        run.buried = now
        let count = try await store.buryAll(kind, queuedBefore: Date() - Self.lifetime)
        if count > 0 { onEvent(.died(kind, count: count)) }
    }

    /// Sends the first of each session.
    ///
    /// - Returns: false when there is nothing more to do now.
    private func pass(_ run: inout Run, _ isStopping: @escaping @Sendable () -> Bool) async throws -> Bool {
        let start = ContinuousClock.now
        let entries = try await store.due(kind, limit: Self.batch)
        if entries.isEmpty { run.restsUntil = .now + (.now - start) * Self.rest }
        for entry in entries {
            if isStopping() { return false }
            guard try await tell(entry, &run, isStopping) else { return false }
        }
        return !entries.isEmpty
    }

    /// - Returns: false when nothing else may be sent for now.
    private func tell(
        _ entry: OutboxEntry, _ run: inout Run, _ isStopping: @escaping @Sendable () -> Bool
    ) async throws -> Bool {
        guard let message = try await store.message(of: entry) else {
            try await store.remove(entry)
            return true
        }
        let threads = Threads(store: store, session: entry.session, clock: clock, isStopping: isStopping)
        return try await settle(entry, await delivery.deliver(message, threads), &run, isStopping)
    }

    /// - Returns: false when nothing else may be sent for now.
    private func settle(
        _ entry: OutboxEntry, _ outcome: DeliveryOutcome, _ run: inout Run,
        _ isStopping: @escaping @Sendable () -> Bool
    ) async throws -> Bool {
        switch outcome {
        case .delivered:
            // Else it would be sent once more.
            await retrying(clock, isStopping) { try await self.store.remove(entry) }
            noteAnswer(&run)
            run.sent += 1
        case .refused(let cause):
            await retrying(clock, isStopping) { try await self.store.bury(entry, fault: cause) }
            noteAnswer(&run)
            onEvent(.refused(kind, entry.exchange, cause: cause))
        case .limited(let pause, let isOfAll):
            if isOfAll {
                (run.pausedUntil, run.isLimited) = (.now + pause, true)
                if pause > Self.longestPause {
                    standStill("the receiver asks to wait for \(pause.components.seconds) s")
                }
                return false
            }
            try await store.postpone(entry, until: Date() + pause / .seconds(1), fault: nil)
        case .stopped(let cause):
            if board.stop(kind, with: delivery.settings) {
                onEvent(.stopped(kind, cause: cause))
            } else {
                // A reload is about to replace this process: its settings are no longer what counts.
                (run.pausedUntil, run.isLimited) = (.now + Self.longestPause, true)
            }
            return false
        case .failed(let cause, let asked):
            run.failures += 1
            let isAway = run.failures >= Self.patience
            if isAway {
                standStill(cause)
                let pause = DeliveryBackoff.delay(
                    after: run.failures - Self.patience + 1, asked: asked, random: .random(in: 0..<1))
                run.pausedUntil = .now + pause
            }
            let delay = DeliveryBackoff.delay(
                after: entry.attempts + 1, asked: asked, random: .random(in: 0..<1))
            try await store.postpone(entry, until: Date() + delay / .seconds(1), fault: cause)
            return !isAway
        }
        return true
    }

    private func noteAnswer(_ run: inout Run) {
        (run.failures, run.pausedUntil) = (0, nil)
        goOn()
    }

    private func standStill(_ cause: String) {
        if board.standStill(kind, since: Date()) { onEvent(.standsStill(kind, cause: cause)) }
    }

    private func goOn() {
        if board.goOn(kind) { onEvent(.goesOn(kind)) }
    }

    /// One line for many.
    private func noteLost(_ run: inout Run) {
        let (lost, now) = (board.status(of: kind).lost, ContinuousClock.now)
        guard lost > run.lost, run.lossTold.map({ now - $0 > .seconds(600) }) ?? true else { return }
        onEvent(.lost(kind, count: lost - run.lost))
        (run.lost, run.lossTold) = (lost, now)
    }
}

/// A session's thread in the store.
private struct Threads: ThreadKeeper {
    let store: any OutboxStore
    let session: SessionID
    let clock: any Clock<Duration>
    let isStopping: @Sendable () -> Bool

    func keep(_ thread: OutboxThread?) async {
        await retrying(clock, isStopping) { try await store.keep(thread, of: session) }
    }
}

/// Does what must not be left undone, until it is done or the process ends.
private func retrying(
    _ clock: any Clock<Duration>, _ isStopping: @Sendable () -> Bool, _ work: @Sendable () async throws -> Void
) async {
    while true {
        do { return try await work() } catch {
            if isStopping() { return }
            try? await clock.sleep(for: Sender.tick)
        }
    }
}
