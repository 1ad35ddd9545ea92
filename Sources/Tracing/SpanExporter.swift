public import Chat
internal import StrictJSON
internal import Synchronization

/// Sends spans in batches, beside everything else.
///
/// A batch that the collector cannot take now is tried again a few times, with a wait that doubles; what comes meanwhile
/// waits, as much as may, and the rest is lost and counted.
public final class SpanExporter: Sendable {
    /// What an operator should hear of.
    public enum Event: Sendable {
        /// The collector cannot be reached, or asks to come back: said once until it takes spans again.
        case failing(cause: String)
        case restored
        /// Said once a minute at most.
        case lost(spans: Int, cause: String)
        /// It took a batch, and says something about it.
        case advice(String)
    }

    public struct Limits: Sendable {
        /// Spans of one batch.
        public var batch = 512
        /// How long a span waits for others.
        public var interval = Duration.seconds(5)
        /// Spans that may wait.
        public var spans = 4_096
        /// Bytes of spans that may wait.
        public var bytes = 8 << 20
        /// For one batch.
        public var tries = 5
        /// For one try.
        public var timeout = Duration.seconds(10)
        /// Before the second try, twice as long before the third.
        public var pause = Duration.seconds(1)
        public var longestPause = Duration.seconds(30)
        /// Between two words about what is lost.
        public var silence = Duration.seconds(60)

        public init() {}
    }

    private struct State {
        var spans: [[UInt8]] = []
        var bytes = 0
        var inFlight = 0
        var isSending = false
        /// A batch of this sending has left.
        var hasSent = false
        var isArmed = false
        var isFailing = false
        var lost = 0
        var lastCause = ""
        var saidLost: ContinuousClock.Instant?
        /// Until when the last spans may be sent, at the end of the process.
        var end: ContinuousClock.Instant?
        var pause: Task<Void, Never>?
    }

    private let collector: Collector
    private let limits: Limits
    private let background: Background
    private let frame: (head: [UInt8], tail: [UInt8])
    private let onEvent: @Sendable (Event) -> Void
    private let state = Mutex(State())

    /// - Parameters:
    ///   - resource: what the spans are of.
    ///   - onEvent: called wherever it happens; it must not block.
    public init(
        _ collector: Collector, resource: Resource, limits: Limits = Limits(), background: Background,
        onEvent: @escaping @Sendable (Event) -> Void
    ) {
        (self.collector, self.limits, self.background, self.onEvent) = (collector, limits, background, onEvent)
        frame = resource.frame
    }

    /// - Parameter span: in JSON.
    func add(_ span: [UInt8]) {
        enum Step { case nothing, arm, send }
        let step = state.withLock { state in
            guard state.spans.count < limits.spans, state.bytes + span.count <= limits.bytes else {
                state.lost += 1
                state.lastCause = "too many wait for the collector"
                return Step.nothing
            }
            state.spans.append(span)
            state.bytes += span.count
            guard !state.isSending else { return .nothing }
            if state.spans.count >= limits.batch || state.end != nil {
                state.isSending = true
                return .send
            }
            defer { state.isArmed = true }
            return state.isArmed ? .nothing : .arm
        }
        switch step {
        case .nothing: break
        case .arm: arm()
        case .send: background.start { await self.send() }
        }
    }

    /// Sends what there is, for the end of the process.
    ///
    /// - Parameter end: what has not left by then is lost.
    public func flush(by end: ContinuousClock.Instant) async {
        state.withLock { state in
            state.end = end
            return state.pause
        }?.cancel()
        begin()
        while state.withLock({ $0.isSending || !$0.spans.isEmpty }), .now < end {
            try? await background.clock.sleep(for: .milliseconds(10))
        }
        state.withLock { state in
            let left = state.spans.count + state.inFlight
            state.lost += left
            if left > 0 { state.lastCause = "the process ended before the collector had taken them" }
            (state.spans, state.bytes, state.saidLost) = ([], 0, nil)
        }
        tellLosses()
    }

    private func arm() {
        background.start {
            try? await self.background.clock.sleep(for: self.limits.interval)
            self.state.withLock { $0.isArmed = false }
            self.begin()
        }
    }

    private func begin() {
        let mustSend = state.withLock { state in
            guard !state.isSending, !state.spans.isEmpty else { return false }
            state.isSending = true
            return true
        }
        if mustSend { background.start { await self.send() } }
    }

    private func send() async {
        while let (batch, count) = nextBatch() {
            await deliver(batch, count)
            tellLosses()
        }
    }

    /// - Returns: nil when there is nothing worth a request now.
    private func nextBatch() -> (body: [UInt8], count: Int)? {
        let (spans, mustArm): ([[UInt8]], Bool) = state.withLock { state in
            state.inFlight = 0
            let isWorth = state.end == nil ? state.spans.count >= limits.batch : !state.spans.isEmpty
            // The first batch of a sending is what has waited long enough.
            guard isWorth || !state.hasSent && !state.spans.isEmpty else {
                (state.isSending, state.hasSent) = (false, false)
                defer { state.isArmed = state.isArmed || !state.spans.isEmpty }
                return ([], !state.isArmed && !state.spans.isEmpty)
            }
            state.hasSent = true
            let batch = Array(state.spans.prefix(limits.batch))
            state.spans.removeFirst(batch.count)
            state.bytes -= batch.reduce(0) { $0 + $1.count }
            state.inFlight = batch.count
            return (batch, false)
        }
        if mustArm { arm() }
        guard !spans.isEmpty else { return nil }
        return (frame.head + Array(spans.joined(separator: [UInt8(ascii: ",")])) + frame.tail, spans.count)
    }

    private func deliver(_ body: [UInt8], _ count: Int) async {
        var pause = limits.pause
        for number in 1... {
            let end = state.withLock { $0.end }
            let limit = ContinuousClock.now + limits.timeout
            switch await collector.post(body, by: end.map { min($0, limit) } ?? limit) {
            case .taken(let rejected, let reason):
                let wasFailing = state.withLock { state in
                    defer { state.isFailing = false }
                    return state.isFailing
                }
                if wasFailing { onEvent(.restored) }
                if rejected > 0 {
                    lose(rejected, "the collector did not want them: \(reason)")
                } else if !reason.isEmpty {
                    onEvent(.advice(reason))
                }
                return
            case .refused(let cause): return lose(count, cause)
            case .later(let wait, let cause):
                tellFailing(cause)
                let wait = max(wait ?? .zero, pause * Double.random(in: 0.5...1))
                guard number < limits.tries, wait <= limits.longestPause * 2, await rest(wait) else {
                    return lose(count, cause)
                }
                pause = min(pause * 2, limits.longestPause)
            }
        }
    }

    /// - Returns: false when the process ends before.
    private func rest(_ wait: Duration) async -> Bool {
        let clock = background.clock
        let pause = state.withLock { state -> Task<Void, Never>? in
            if let end = state.end, .now + wait >= end { return nil }
            let pause = background.start { try? await clock.sleep(for: wait) }
            if state.end == nil { state.pause = pause }
            return pause
        }
        guard let pause else { return false }
        await pause.value
        state.withLock { $0.pause = nil }
        return true
    }

    private func tellFailing(_ cause: String) {
        let isNews = state.withLock { state in
            defer { state.isFailing = true }
            return !state.isFailing
        }
        if isNews { onEvent(.failing(cause: cause)) }
    }

    private func lose(_ count: Int, _ cause: String) {
        state.withLock { state in
            state.lost += count
            state.lastCause = cause
        }
    }

    private func tellLosses() {
        let losses: (Int, String)? = state.withLock { state in
            guard state.lost > 0 else { return nil }
            if let said = state.saidLost, .now - said < limits.silence { return nil }
            defer { (state.lost, state.saidLost) = (0, .now) }
            return (state.lost, state.lastCause)
        }
        if let losses { onEvent(.lost(spans: losses.0, cause: losses.1)) }
    }
}

/// What spans are of: this program, as it runs here.
public struct Resource: Sendable {
    private let attributes: [(name: String, value: ExportedSpan.Value)]
    private let version: String

    public init(version: String, host: String, pid: Int) {
        self.version = version
        attributes = [
            ("service.name", .text("parley")), ("service.version", .text(version)),
            ("service.instance.id", .text(TraceID.random().text)), ("host.name", .text(host)),
            ("process.pid", .number(pid)),
        ]
    }

    /// What stands around the spans of a request.
    var frame: (head: [UInt8], tail: [UInt8]) {
        let whole = JSONWriter.object(escapes: .plain) { json in
            json.array("resourceSpans") { resources in
                resources.object { json in
                    json.object("resource") { json in
                        json.array("attributes") { list in
                            for (name, value) in attributes { list.object { $0.attribute(name, value) } }
                        }
                    }
                    json.array("scopeSpans") { scopes in
                        scopes.object { json in
                            json.object("scope") { scope in
                                scope.member("name", "parley")
                                scope.member("version", version)
                            }
                            json.array("spans") { _ in }
                        }
                    }
                }
            }
        }
        let tail = Array("]}]}]}".utf8)
        return (Array(whole.dropLast(tail.count)), tail)
    }
}
