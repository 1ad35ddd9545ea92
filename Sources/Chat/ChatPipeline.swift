/// The way of one question through Parley. Start reading here.
///
///     identify → sanitize → cache → model → record
///
/// What it promises: an answer is returned only when it is complete and its exchange is committed; an exchange counts
/// against its session once, and a failed model call does not count; nothing that could decide the answer is missing
/// from the cache key; equal questions at the same time are one model call, over the whole pool (``AnswerCache``).
///
/// What it refuses: a token that is not live, a session that used its messages up, a text that is no ``Prompt``, a
/// conversation that is not the session's own; more questions for the model at once than ``ConcurrencyLimit`` has places for.
/// Dangerous text is blocked: it is recorded and answered, but no model sees it.
///
/// What it costs: one trip to the store for a question that is cached or blocked (``Ledger/record(_:for:)``), two for one
/// that is not (``Ledger/reserve(_:)``, ``Ledger/settle(_:_:sharing:)``), and one more to read its conversation.
///
/// A class, like ``ModelCall``, because a waiting question holds a frame for each function that it is in: what a frame
/// would copy of a value costs memory thousands of times.
public final class ChatPipeline: Sendable {
    let authenticator: any Authenticator
    let sanitizer: any Sanitizer
    let cache: AnswerCache
    let model: any LanguageModel
    let ledger: any Ledger
    let ids: ExchangeIDGenerator
    let policy: ChatPolicy
    /// What can be asked.
    public var models: ModelList { policy.modelList }
    /// The questions that are put to the model, or wait for its answer.
    public let load: ConcurrencyLimit
    public let background: Background

    public init(
        authenticator: any Authenticator, sanitizer: any Sanitizer, cache: AnswerCache, model: any LanguageModel,
        ledger: any Ledger, ids: ExchangeIDGenerator, policy: ChatPolicy, load: ConcurrencyLimit,
        background: Background = Background()
    ) {
        self.authenticator = authenticator
        self.sanitizer = sanitizer
        self.cache = cache
        self.model = model
        self.ledger = ledger
        self.ids = ids
        self.policy = policy
        self.load = load
        self.background = background
    }

    /// The same way under another policy, for questions that come by another contract.
    public func under(_ policy: ChatPolicy, _ sanitizer: any Sanitizer) -> ChatPipeline {
        ChatPipeline(
            authenticator: authenticator, sanitizer: sanitizer, cache: cache, model: model, ledger: ledger, ids: ids,
            policy: policy, load: load, background: background)
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
    ///   - onAnswer: gets the answer as it arrives, and what the cache had to do with it; nil when nobody watches.
    /// - Throws: ``ChatError``, or what `onAnswer` threw.
    public func answer(
        _ question: ChatRequest, for principal: Principal, trace: inout RequestTrace, onAnswer: AnswerHandler?
    ) async throws -> Exchange {
        let deadline = ContinuousClock.now + policy.deadline
        let reviewed = try await review(question, for: principal, trace: &trace)
        try await onAnswer?(.asked(reviewed.place), nil)
        if reviewed.isBlocked {
            let blocked = Answer(text: ChatPolicy.blockedText, origin: .blocked)
            guard policy.contract == .completion else {
                return try await give(blocked, nil, to: reviewed, &trace, onAnswer)
            }
            _ = try await give(blocked, nil, to: reviewed, &trace, nil)
            throw ChatError.blocked(question.field, reviewed.danger ?? "")
        }
        let call = try call(for: reviewed, deadline)  // which keeps the question: this frame waits
        do {
            switch try await cache.answer(
                for: call.use, call.question.id, principal, hold: call.hold, by: deadline, limit: load, trace: &trace,
                onAnswer, fill: call.fill)
            {
            case .filled(let exchange):
                if cache.streamCommit == .buffered { try await pass(exchange.answer, .miss, Flight.Given(), onAnswer) }
                return exchange
            case .cached(let answer, let how, let given, let wasReserved):
                let answer = Answer(answer, isStale: how == .stale, prices: policy.prices)
                return try await give(answer, how, given, wasReserved, to: call.question, &trace, onAnswer)
            }
        } catch let failure as ModelFailure {
            throw policy.error(for: failure, field: question.field, deadline: deadline)
        }
    }

    @inline(never)
    private func review(_ question: ChatRequest, for principal: Principal, trace: inout RequestTrace) async throws
        -> ReviewedQuestion
    {
        var question = try policy.admitted(question, for: principal)
        let branch = try await branch(above: question, for: principal, trace: &trace)
        if let original = branch?.original {
            question = question.asking(original.question)
            if question.cacheControl == .none { question.cacheControl = .noCache }
        }
        // After its branch was read: so its id is larger than that of the exchange which it follows.
        let id = ids.next()
        let message = question.message
        var review =
            message.text.utf8.count > Self.longText
            ? await trace.time(.sanitize) { await reviewedElsewhere(message) }
            : trace.time(.sanitize) { reviewed(message) }
        // What was dangerous in the text as it was sent may have been removed from the one that is recorded; how sure
        // that was shows in whether it was held.
        if !review.isSure, let original = branch?.original {
            review = Review(
                text: review.text, danger: original.dangerCategory ?? review.danger, isSure: original.answer.isBlocked)
        }
        let treatment = policy.treatment(of: review.danger, isSure: review.isSure)
        let danger = treatment == .off ? nil : review.danger
        trace.danger = danger
        let place = branch ?? Branch(conversation: ConversationID(first: id), parent: nil, messages: [])
        if policy.contract == .question { trace.conversation = place.conversation }
        return ReviewedQuestion(
            id: id, principal: principal, question: question, branch: place,
            text: policy.contract == .question ? Prompt.trimmed(review.text) : review.text, danger: danger,
            isBlocked: treatment == .hold)
    }

    /// Bytes of a text whose review could hold up the event loop: of one so long it takes a millisecond at most.
    static let longText = 8_192

    /// On Swift's own pool, where a task of the loop does not get by itself: it computes, and never waits.
    private func reviewedElsewhere(_ message: ChatMessage) async -> Review {
        await Task.detached { self.reviewed(message) }.value
    }

    /// Only what a user says is looked at: the rest was made by programs and models.
    private func reviewed(_ message: ChatMessage) -> Review {
        message.role == .user ? sanitizer.review(message.text) : Review(text: message.text, danger: nil)
    }

    /// - Returns: nil for a conversation of its own.
    private func branch(above question: ChatRequest, for principal: Principal, trace: inout RequestTrace) async throws
        -> Branch?
    {
        guard let position = question.position else { return nil }
        let branch = try await trace.time(.session) {
            try await ledger.branch(at: position, for: principal, limit: policy.contextTurns)
        }.admitted()
        switch (position, branch) {
        case (.end, nil), (.beginning, nil): throw ChatError.noSuchConversation
        case (_, nil): throw ChatError.noSuchMessage
        case (.below(_, let conversation?), let branch?) where branch.conversation != conversation:
            throw ChatError.invalid("parent", "must be a message of the conversation that conversation_id names")
        case (_, let branch?): return branch
        }
    }

    private func call(for question: ReviewedQuestion, _ deadline: ContinuousClock.Instant) throws(ChatError)
        -> ModelCall
    {
        let request = try policy.modelRequest(question.question, question.text, context: question.branch.messages)
        guard model.supports(request) else {
            guard request.usesTools else {
                throw .unsupported("response_format", "cannot be used: no provider here keeps to one")
            }
            throw .unsupported(
                "tools",
                "cannot be used: no provider here takes them"
                    + (request.sampling.format == nil ? "" : " with this format"))
        }
        let key = CacheKey(
            request, scope: policy.cacheScope.name(for: question.principal), models: policy.models)
        var question = question
        question.cacheKey = key
        let control = request.usesTools && !policy.cachesTools ? .noStore : question.question.cacheControl
        return ModelCall(self, question, request, cache.use(key, of: request, control), deadline: deadline)
    }

    /// Records an answer that cost nothing, and gives it.
    @inline(never)
    private func give(
        _ answer: Answer, _ how: RequestTrace.CacheOutcome?, _ given: Flight.Given = Flight.Given(),
        _ wasReserved: Bool = false, to question: ReviewedQuestion, _ trace: inout RequestTrace,
        _ onAnswer: AnswerHandler?
    ) async throws -> Exchange {
        let exchange = try await trace.time(.record) {
            try await ledger.record(question.exchange(answer, wasReserved: wasReserved), for: question.principal)
        }.admitted()
        trace.note(answer)
        trace.rates?.report = exchange.rates
        trace.cache = how
        try await pass(answer, how, given, onAnswer)
        return exchange
    }

    /// Hands on what is left of an answer that is there.
    private func pass(
        _ answer: Answer, _ how: RequestTrace.CacheOutcome?, _ given: Flight.Given, _ onAnswer: AnswerHandler?
    ) async throws {
        guard let onAnswer else { return }
        var deltas: [AnswerDelta] = []
        let rest = answer.text.utf8.dropFirst(given.text)
        if !rest.isEmpty { deltas.append(.text(String(decoding: rest, as: UTF8.self))) }
        if !given.hasCalls {
            deltas += answer.toolCalls.enumerated().map { .toolCall(ToolCallDelta($1, index: $0)) }
        }
        if !deltas.isEmpty { try await onAnswer(.deltas(deltas, from: given.text), how) }
    }
}

/// What happens to a question whose answer is watched, in this order.
public enum AnswerEvent: Sendable {
    /// Its place in history, if it will be answered.
    case asked(MessagePlace)
    /// It is certain to be dealt with: a message is reserved for it, or the answer to an equal question is waited for. Not
    /// said where the whole answer is there at once.
    case admitted
    /// Pieces of the answer, at least one.
    ///
    /// `from` is where they begin in its text, in bytes.
    case deltas([AnswerDelta], from: Int)
}

/// What an exchange is called, and where it stands.
public struct MessagePlace: Sendable, Hashable {
    public let id: ExchangeID
    public let conversation: ConversationID
    /// Nil for a beginning.
    public let parent: ExchangeID?

    public init(id: ExchangeID, conversation: ConversationID, parent: ExchangeID?) {
        self.id = id
        self.conversation = conversation
        self.parent = parent
    }
}

/// Hears of an answer, and what the cache had to do with it; nil when it was not asked. The next event waits until it
/// returns.
public typealias AnswerHandler =
    @Sendable (_ event: AnswerEvent, _ cache: RequestTrace.CacheOutcome?) async throws -> Void

/// A question with its id and what the sanitizer made of it.
struct ReviewedQuestion {
    let id: ExchangeID
    let principal: Principal
    let question: ChatRequest
    let branch: Branch
    let text: String
    let danger: String?
    /// No model may see it.
    let isBlocked: Bool
    /// Nil as long as it is not known what a model would be asked.
    var cacheKey: CacheKey?

    var place: MessagePlace {
        MessagePlace(id: id, conversation: branch.conversation, parent: branch.parent)
    }

    func exchange(_ answer: Answer, wasReserved: Bool = false, isUnwanted: Bool = false) -> Exchange {
        var exchange = Exchange(
            id: id, conversation: branch.conversation, parent: branch.parent, question: question.recorded(text),
            answer: answer,
            danger: danger, created: id.created)
        (exchange.wasReserved, exchange.isUnwanted) = (wasReserved, isUnwanted)
        exchange.cachedAnswer = cacheKey?.prefix
        return exchange
    }
}
