/// The way of one question through Parley. Start reading here.
///
///     identify → sanitize → cache → model → record
///
/// What it promises: an answer is returned only when it is complete and its exchange is committed; an exchange counts
/// against its session once, and a failed model call does not count; nothing that could decide the answer is missing
/// from the cache key; equal questions at the same time are one model call, over the whole pool (``ModelCall``).
///
/// What it refuses: a token that is not live, a session that used its messages up, a text that is no ``Prompt``, a
/// conversation that is not the session's own; more questions for the model at once than ``ConcurrencyLimit`` has places for.
/// Dangerous text is held: it is recorded and answered, but no model sees it.
///
/// A class, like ``ModelCall``, because a waiting question holds a frame for each function that it is in: what a frame
/// would copy of a value costs memory thousands of times.
public final class ChatPipeline: Sendable {
    let authenticator: any Authenticator
    let sanitizer: any Sanitizer
    let cache: AnswerCache
    let model: any LanguageModel
    let exchanges: any ExchangeStore
    let policy: ChatPolicy
    /// The questions that are put to the model, or wait for its answer.
    public let load: ConcurrencyLimit
    let calls: SingleFlight<ModelCall.Outcome>
    let executor: (any TaskExecutor)?
    let clock: any Clock<Duration>

    /// - Parameters:
    ///   - executor: where the tasks that belong to no one request run; nil for Swift's own pool.
    ///   - clock: what they sleep by.
    public init(
        authenticator: any Authenticator, sanitizer: any Sanitizer, cache: AnswerCache, model: any LanguageModel,
        exchanges: any ExchangeStore, policy: ChatPolicy, load: ConcurrencyLimit, executor: (any TaskExecutor)? = nil,
        clock: any Clock<Duration> = ContinuousClock()
    ) {
        self.authenticator = authenticator
        self.sanitizer = sanitizer
        self.cache = cache
        self.model = model
        self.exchanges = exchanges
        self.policy = policy
        self.load = load
        self.executor = executor
        self.clock = clock
        calls = SingleFlight(executor: executor, clock: clock)
    }

    /// Returns who asks. That the session is live, and has a message left to send, is checked where the message is
    /// counted.
    ///
    /// - Parameter token: the bearer token as it came.
    /// - Throws: ``ChatError`` `.unauthorized`.
    public func identify(_ token: String?, trace: inout RequestTrace) async throws -> Principal {
        try await trace.time(.session) { try await authenticator.identify(token) }
    }

    /// - Parameters:
    ///   - principal: from ``identify(_:trace:)``.
    ///   - trace: is filled on the way, also when this throws.
    ///   - onDelta: gets the answer's text as it arrives; nil when nobody watches.
    /// - Throws: ``ChatError``, or what `onDelta` threw.
    public func answer(
        _ question: ChatRequest, for principal: Principal, trace: inout RequestTrace, onDelta: DeltaHandler?
    ) async throws -> Exchange {
        switch try await answerWithoutModel(question, for: principal, trace: &trace, onDelta) {
        case .answered(let exchange): return exchange
        case .open(let call):
            try load.enter()
            defer { load.leave() }
            return try await call.exchange(trace: &trace, onDelta: onDelta)
        }
    }

    private indirect enum Step {
        case answered(Exchange)
        case open(ModelCall)
    }

    /// Sanitizes, and answers what is held or cached.
    @inline(never)
    private func answerWithoutModel(
        _ question: ChatRequest, for principal: Principal, trace: inout RequestTrace, _ onDelta: DeltaHandler?
    ) async throws -> Step {
        let deadline = ContinuousClock.now + policy.deadline
        let context = try await context(of: question, for: principal, trace: &trace)
        let review = trace.time(.sanitize) { sanitizer.review(question.message.text) }
        if review.danger != nil, policy.danger == .hold {
            let held = Answer(text: ChatPolicy.heldText, origin: .held)
            let exchange = try await record(question, review, held, for: principal, trace: &trace)
            try await onDelta?(held.text)
            return .answered(exchange)
        }
        let request = policy.modelRequest(
            question, try Prompt(review.text, field: question.field), context: context)
        let key = CacheKey(request, scope: policy.cacheScope.name(for: principal), models: policy.models)
        let call = ModelCall(
            pipeline: self, question: question, review: review, principal: principal, request: request, key: key,
            deadline: deadline)
        // What the pool shares is looked up with the reservation; where no question may be asked, before it.
        guard let hit = try await trace.time(.cache, { try await cache.answer(for: key, inPool: load.isFull) }) else {
            return .open(call)
        }
        return .answered(try await call.give(hit, .hit, trace: &trace, onDelta))
    }

    private func context(of question: ChatRequest, for principal: Principal, trace: inout RequestTrace) async throws
        -> [ChatMessage]
    {
        guard let conversation = question.conversation else { return [] }
        let turns = try await trace.time(.session) {
            try await exchanges.turns(of: conversation, for: principal, limit: policy.contextTurns)
        }
        guard let turns else { throw ChatError.noSuchConversation }
        return turns
    }

    func record(
        _ question: ChatRequest, _ review: Review, _ answer: Answer, for principal: Principal,
        place: Reservation? = nil,
        caching fresh: CachedAnswer? = nil, trace: inout RequestTrace
    ) async throws -> Exchange {
        trace.note(answer)
        let draft = Exchange.Draft(
            principal: principal, conversation: question.conversation, question: review.text, answer: answer,
            danger: policy.danger == .off ? nil : review.danger)
        return try await trace.time(.record) {
            try await exchanges.record(draft, place: place, caching: fresh)
        }
    }
}
