public import Chat
import Synchronization

/// Sends what is in the outbox, beside the requests: one process of all, the others wait for their turn. A request never
/// waits for it.
///
/// Each kind is sent on its own, one exchange after the other. A failure makes its own session wait; when nothing but
/// failures comes, the kind stands still, longer and longer, until one attempt does better. What is not sent within a day
/// is given up.
///
/// As long as nothing is put in, each second costs a few words of shared memory; the database is asked every half minute.
public final class Sender: Sendable {
    /// What an operator hears of.
    public enum Event: Sendable, Equatable {
        /// From now on this process is the one that sends.
        case began
        /// Nothing but failures comes.
        case standsStill(OutboxKind, cause: String)
        case goesOn(OutboxKind)
        /// Until a reload.
        case stopped(OutboxKind, cause: String)
        /// One was given up.
        case refused(OutboxKind, ExchangeID, cause: String)
        /// So many were too old.
        case died(OutboxKind, count: Int)
        /// So many were not put in, for want of room.
        case lost(OutboxKind, count: Int)
        case unavailable(cause: String)
    }

    static let tick = Duration.seconds(1)

    private let lanes: [Lane]
    private let store: any OutboxStore
    private let background: Background
    private let onEvent: @Sendable (Event) -> Void
    private let state = Mutex((isStopping: false, running: 0, isUnavailable: false))

    public init(
        _ deliveries: [any Delivery], store: any OutboxStore, board: OutboxBoard, background: Background,
        onEvent: @escaping @Sendable (Event) -> Void
    ) {
        lanes = deliveries.map { Lane($0, store, board, background.clock, onEvent) }
        (self.store, self.background, self.onEvent) = (store, background, onEvent)
    }

    /// Begins to send as soon as no other process does.
    public func start() {
        guard !lanes.isEmpty else { return }
        state.withLock { $0.running += 1 }
        background.start {
            while !self.isStopping {
                if self.isMine {
                    self.onEvent(.began)
                    for lane in self.lanes { self.start(lane) }
                    break
                }
                try? await self.background.clock.sleep(for: Self.tick)
            }
            self.end()
        }
    }

    private var isMine: Bool {
        do {
            let isMine = try store.claimsSending()
            state.withLock { $0.isUnavailable = false }
            return isMine
        } catch {
            let isNews = state.withLock { state in
                defer { state.isUnavailable = true }
                return !state.isUnavailable
            }
            if isNews { onEvent(.unavailable(cause: (error as? ChatError)?.cause ?? "\(error)")) }
            return false
        }
    }

    private func start(_ lane: Lane) {
        state.withLock { $0.running += 1 }
        background.start {
            await lane.run { self.isStopping }
            self.end()
        }
    }

    private var isStopping: Bool { state.withLock { $0.isStopping } }

    /// The last one lets another process send.
    private func end() {
        let isLast = state.withLock { state in
            state.running -= 1
            return state.running == 0
        }
        if isLast { store.yieldSending() }
    }

    /// Finishes what is under way, and lets another process send.
    ///
    /// - Parameter deadline: it is left undone then.
    public func stop(by deadline: ContinuousClock.Instant) async {
        state.withLock { $0.isStopping = true }
        while state.withLock({ $0.running > 0 }), ContinuousClock.now < deadline {
            try? await background.clock.sleep(for: .milliseconds(20))
        }
    }

    /// Sends what is due now, and waits for none that failed.
    ///
    /// - Returns: how many were sent, and whether nothing failed; nil when another process is the one that sends.
    public func drain() async throws -> (sent: Int, isWell: Bool)? {
        guard try store.claimsSending() else { return nil }
        defer { store.yieldSending() }
        var (sent, isWell) = (0, true)
        for lane in lanes {
            let drained = try await lane.drain()
            sent += drained.sent
            if !drained.isWell { isWell = false }
        }
        return (sent, isWell)
    }
}
