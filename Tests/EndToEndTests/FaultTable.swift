/// A fault at the primary and what the caller must get: one row of the table.
struct FaultRow: Sendable, CustomStringConvertible {
    enum Outcome: Sendable {
        /// The whole right answer of one of these.
        case answer([String])
        /// A 422 whose message has these words; they depend on who refused.
        case refusal(@Sendable (Wire) -> String)
    }

    /// Also the question; plain words.
    let description: String
    /// Needs short time-outs.
    let isHurried: Bool
    /// The formats of a primary that can do this.
    let wires: [Wire]
    let primary: FaultyProvider.Conduct
    let fallback: FaultyProvider.Fault
    let outcome: Outcome
    /// How often the primary may be asked.
    let tries: ClosedRange<Int>
    /// How long after the primary's try the fallback may be asked at the earliest: a time-out ran.
    let silence: Duration?
    /// How long the caller may wait.
    let limit: Duration

    init(
        _ description: String, isHurried: Bool = false, wires: [Wire] = Wire.allCases, tries: ClosedRange<Int>,
        _ outcome: Outcome, silence: Duration? = nil, limit: Duration = .seconds(5),
        fallback: FaultyProvider.Fault = .answer, primary: @escaping FaultyProvider.Conduct
    ) {
        self.description = description
        self.isHurried = isHurried
        self.wires = wires
        self.primary = primary
        self.fallback = fallback
        self.outcome = outcome
        self.tries = tries
        self.silence = silence
        self.limit = limit
    }

    static func row(for question: String) -> FaultRow? { all.first { $0.description == question } }
}

extension FaultRow {
    private static let once = 1...1
    /// CHAT_RETRIES is 2.
    private static let thrice = 1...3
    /// libcurl by itself asks again, on a new connection, when a kept one ends without a byte.
    private static let thriceAndOnce = 1...4
    private static let ofPrimary = Outcome.answer(["primary"])
    private static let ofFallback = Outcome.answer(["fallback"])
    private static let ofEither = Outcome.answer(["primary", "fallback"])
    /// A provider sees the question a little later than the clock of the time-out starts.
    private static let aSecond = Duration.milliseconds(950)
    private static let modelTimeout = Duration.seconds(5)

    static let all = statuses + cuts + silences + verdicts

    private static let statuses = [
        FaultRow("429 with Retry-After 2 then well", tries: thrice, ofEither) {
            $0.sinceFirst < .seconds(2) ? .refuse(429, retryAfter: "2") : .answer
        },
        FaultRow("429 for ever", tries: thrice, ofFallback) { _ in .refuse(429) },
        FaultRow("500 once", tries: 2...2, ofPrimary) { $0.attempt == 1 ? .refuse(500) : .answer },
        FaultRow("503 for ever", tries: thrice, ofFallback) { _ in .refuse(503) },
    ]

    private static let cuts = [
        FaultRow("connection reset before headers once", tries: thriceAndOnce, ofEither) {
            $0.attempt == 1 ? .reset : .answer
        },
        FaultRow("connection reset before headers for ever", tries: thriceAndOnce, ofFallback) { _ in .reset },
        FaultRow("connection closed before headers for ever", tries: thriceAndOnce, ofFallback) { _ in .hangUp },
        FaultRow("stream cut after 40 of 60 words", tries: thrice, ofFallback) { _ in .cut(after: 40) },
        FaultRow("stream cut once after 40 of 60 words", tries: thrice, ofEither) {
            $0.attempt == 1 ? .cut(after: 40) : .answer
        },
        FaultRow("orderly end after 40 of 60 words", tries: thrice, ofFallback) { _ in .unfinished(after: 40) },
        FaultRow("orderly end after all words without finish reason", tries: thrice, ofFallback) { _ in
            .unfinished(after: FaultyProvider.words)
        },
        FaultRow("error object after 40 of 60 words and DONE", tries: thrice, ofEither) {
            $0.attempt == 1 ? .brokenByError(after: 40) : .answer
        },
        FaultRow("no word and the finish reason stop", tries: thrice, ofFallback) { _ in .empty(finish: "stop") },
        FaultRow("no word and the finish reason length", tries: once, ofFallback) { _ in .empty(finish: "length") },
        FaultRow("one chunk of invalid JSON", tries: thrice, ofEither) { _ in .brokenJSON(at: 30) },
        FaultRow("no DONE after a finish reason", wires: [.openai], tries: once, ofPrimary, limit: .seconds(2)) { _ in
            .noEndMark
        },
        FaultRow("open connection after a finish reason", tries: once, ofPrimary, limit: .seconds(4)) { _ in
            .staysOpen
        },
        FaultRow("500 whose body hangs", tries: 2...2, ofPrimary, limit: .seconds(5)) {
            $0.attempt == 1 ? .brokenError : .answer
        },
    ]

    private static let silences = [
        FaultRow("accepts and never answers", isHurried: true, tries: once, ofFallback, silence: aSecond) { _ in
            .silence
        },
        FaultRow("headers at once and first token too late", isHurried: true, tries: once, ofFallback, silence: aSecond)
        { _ in .late(.seconds(4)) },
        FaultRow("thoughts for longer than a silence may last", isHurried: true, tries: once, ofPrimary) { _ in
            .thinking(.seconds(2))
        },
        FaultRow(
            "headers and nothing but comments", isHurried: true, tries: once, ofFallback,
            silence: modelTimeout - .milliseconds(50), limit: .seconds(9)
        ) { _ in .comments },
        FaultRow("stream silent after 20 words", isHurried: true, tries: once, ofFallback, silence: aSecond) { _ in
            .stall(after: 20)
        },
    ]

    private static let verdicts = [
        FaultRow("400 context too long", tries: once, ofFallback) { _ in .tooLong },
        FaultRow(
            "400 context too long for both", tries: once, .refusal { _ in "too long" }, fallback: .tooLong
        ) { _ in .tooLong },
        FaultRow("content filter refuses the question", tries: once, .refusal(filterReason)) { _ in .filtered },
        FaultRow("content filter stops the answer", tries: once, .refusal(filterReason)) { _ in
            .filteredAnswer(after: 20)
        },
    ]

    private static let filterReason: @Sendable (Wire) -> String = { $0 == .gemini ? "SAFETY" : "content_filter" }
}
