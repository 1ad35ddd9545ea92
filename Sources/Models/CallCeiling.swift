public import Chat
public import SharedMemory

/// The most calls of providers that a day may have, over all workers and whatever is restarted.
///
/// The counter decides. The board has what it last said, for whoever shows it.
public struct CallCeiling: Sendable {
    public static let section = BoardSection("calls", version: 1, words: 1)
    private static let callBits: UInt64 = 44

    let calls: Int
    private let counter: any CallCounter
    private let words: SharedWords
    private let observer: @Sendable (DailyCalls, DailyCalls.News) -> Void

    /// - Parameters:
    ///   - calls: of a day, at least 1.
    ///   - board: has ``section``.
    ///   - observer: hears of each news once a day, in one worker.
    public init(
        _ calls: Int, counter: any CallCounter, on board: Board,
        observer: @escaping @Sendable (DailyCalls, DailyCalls.News) -> Void
    ) {
        self.calls = calls
        self.counter = counter
        self.observer = observer
        words = board[Self.section]
    }

    /// For people: how many of today's calls were made.
    ///
    /// - Parameter day: days since 1970.
    public func summary(on day: Int) -> String {
        let word = words[0]
        let known = word >> Self.callBits == UInt64(day) ? word & (1 << Self.callBits - 1) : 0
        return "\(known) of \(calls) calls today"
    }

    func count() async throws -> DailyCalls {
        let today = try await counter.countCall(ceiling: calls)
        let word = UInt64(today.day) << Self.callBits | UInt64(today.calls)
        var known = words[0]
        while known < word {
            let (isDone, current) = words.compareExchange(0, expected: known, desired: word)
            if isDone { break }
            known = current
        }
        if let news = today.news { observer(today, news) }
        return today
    }
}

/// Asks a provider as long as the day's calls are not used up. It stands behind ``Retrying``, so that each try is a call.
public struct CappedCalls: LanguageModel {
    private let model: any LanguageModel
    private let provider: String
    private let ceiling: CallCeiling

    public init(_ model: any LanguageModel, provider: String, ceiling: CallCeiling) {
        self.model = model
        self.provider = provider
        self.ceiling = ceiling
    }

    public func supports(_ request: ModelRequest) -> Bool { model.supports(request) }

    public func answer(_ request: ModelRequest, by deadline: ContinuousClock.Instant, onDelta: (any DeltaHandler)?)
        async throws -> ModelAnswer
    {
        let today = try await ceiling.count()
        guard today.isAdmitted else {
            throw ModelFailure(
                provider: provider, reason: .dailyCallsSpent(for: today.remaining),
                detail: "not asked: all \(ceiling.calls) calls of the day were made")
        }
        return try await model.answer(request, by: deadline, onDelta: onDelta)
    }
}
