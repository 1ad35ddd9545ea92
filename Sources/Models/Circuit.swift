public import Chat
internal import Crypto
internal import Glibc

/// One provider's circuit on the ``CircuitBoard``: asks before each question, hears of its outcome after it.
public struct Circuit: Sendable {
    /// How long a failing provider's circuit stays open.
    public struct Cooldowns: Sendable {
        /// The longest time between two tries of a provider that is down; it begins with a quarter of this.
        public let outage: Duration
        /// After the key or its credit was refused.
        public let key: Duration
        /// The longest that one try may take.
        public let probe: Duration

        public init(outage: Duration, key: Duration, probe: Duration) {
            self.outage = outage
            self.key = key
            self.probe = probe
        }
    }

    /// What /health and an operator want to know.
    public struct Status: Sendable, Equatable {
        /// `closed`: it is asked; `open`: it is not; `probing`: one question tries it.
        public let state: String
        /// Why it is not asked; nil while it is.
        public let cause: String?
        /// When it is tried again.
        public let retryIn: Duration?
    }

    let board: CircuitBoard
    let slot: Int
    let policy: CircuitPolicy

    /// - Parameter identity: everything that makes this provider another one when it changes: name, model, address,
    ///   key. Only a digest of it is stored.
    public init(on board: CircuitBoard, identity: String, _ cooldowns: Cooldowns) {
        self.board = board
        let digest = SHA256.hash(data: Array(identity.utf8))
        slot = board.slot(for: digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } | 1)
        policy = CircuitPolicy(
            longestCooldown: UInt64(cooldowns.outage.milliseconds), keyCooldown: UInt64(cooldowns.key.milliseconds),
            probe: UInt64(cooldowns.probe.milliseconds) + 1_000)
    }

    /// Whether questions are put to the provider.
    public var isClosed: Bool { board.state(of: slot).phase == .closed }

    public var status: Status {
        let state = board.state(of: slot)
        let now = Self.now()
        let wait = state.time > now ? Duration.milliseconds(Int64(state.time - now)) : .zero
        return switch state.phase {
        case .closed: Status(state: "closed", cause: nil, retryIn: nil)
        case .open: Status(state: "open", cause: "\(state.cause)", retryIn: wait)
        case .probing: Status(state: "probing", cause: "\(state.cause)", retryIn: nil)
        }
    }

    /// Lets the provider be asked again at once.
    public func close() {
        _ = board.update(slot) { _ in ((), CircuitState(time: Self.now())) }
    }

    func admit() -> CircuitState.Admission {
        board.update(slot) { $0.admission(at: Self.now(), policy) }.value
    }

    /// - Returns: the change that this very report made, if any.
    func report(_ outcome: CircuitOutcome, start: UInt64, isProbe: Bool) -> CircuitChange? {
        let now = Self.now()
        let (_, before, after) = board.update(slot) {
            ((), $0.after(outcome, start: start, isProbe: isProbe, at: now, policy))
        }
        switch (before.phase, after.phase) {
        case (.probing, .closed): return .closed
        case (.closed, .open), (.probing, .open):
            guard outcome != .abandoned else { return nil }
            return .opened(cause: "\(after.cause)", for: .milliseconds(Int64(after.time) - Int64(now)))
        default: return nil
        }
    }

    /// Milliseconds since 1970: the one clock that all processes share, also after a restart.
    static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(time.tv_sec) * 1_000 + UInt64(time.tv_nsec) / 1_000_000
    }
}

/// What an operator should hear of.
public enum CircuitChange: Sendable, Equatable {
    case opened(cause: String, for: Duration)
    case closed
}

/// Asks a provider only while its circuit is closed, or when it is this question's turn to probe it.
///
/// It stands before ``Retrying``, so that the tries of one question are one outcome.
public struct CircuitBreaking: LanguageModel {
    private let model: any LanguageModel
    private let provider: String
    private let circuit: Circuit
    private let observer: @Sendable (CircuitChange, _ detail: String) -> Void

    /// - Parameter observer: hears of each change once, in the worker that made it, with the failure's own words.
    public init(
        _ model: any LanguageModel, provider: String, circuit: Circuit,
        observer: @escaping @Sendable (CircuitChange, _ detail: String) -> Void
    ) {
        self.model = model
        self.provider = provider
        self.circuit = circuit
        self.observer = observer
    }

    public func supports(_ request: ModelRequest) -> Bool { model.supports(request) }

    public func answer(_ request: ModelRequest, by deadline: ContinuousClock.Instant, onDelta: (any DeltaHandler)?)
        async throws -> ModelAnswer
    {
        let admission = circuit.admit()
        if case .refused(let milliseconds) = admission {
            let cause = circuit.status.cause ?? "was well a moment ago"
            throw ModelFailure(
                provider: provider, reason: .circuitOpen(for: .milliseconds(Int64(milliseconds))),
                detail: "left alone, as it \(cause)")
        }
        let start = Circuit.now()
        @Sendable func report(_ outcome: CircuitOutcome, _ detail: String = "") {
            let change = circuit.report(outcome, start: start, isProbe: admission == .probe)
            if let change { observer(change, detail) }
        }
        // A probe's answer may stream for a long time: its first text shows that the provider is back.
        let onDelta = admission == .probe ? DeltaWatch(onDelta) { report(.success) } : onDelta
        do {
            let answer = try await model.answer(request, by: deadline, onDelta: onDelta)
            report(.success)
            return answer
        } catch let failure as ModelFailure {
            report(CircuitOutcome(failure, isHurried: ContinuousClock.now >= deadline), failure.detail)
            throw failure
        } catch {
            report(.abandoned)
            throw error
        }
    }
}
