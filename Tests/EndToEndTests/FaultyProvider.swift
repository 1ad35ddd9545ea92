import Foundation
import Synchronization

/// A paid model that fails in every way that providers do, over a real socket.
///
/// It speaks Gemini's and OpenAI's streams, byte by byte as the test wants them, keeps connections open between requests
/// as real ones do, and writes down what each try saw: when it began, what was played, when it ended, when the client
/// hung up. A good answer is ``words`` words in as many chunks, and no two providers or questions have the same one.
///
/// It refuses nothing: whoever asks for an unknown path is answered in OpenAI's format.
final class FaultyProvider: Sendable {
    static let words = 60

    indirect enum Fault: Sendable {
        /// No fault: all words, the finish reason, the usage, the end mark.
        case answer
        /// An error status, worded as the provider words it.
        case refuse(Int, retryAfter: String? = nil)
        /// Ends the connection with a reset before any byte of a reply.
        case reset
        /// Ends the connection in order, before any byte of a reply.
        case hangUp
        /// Takes the request and never says a byte.
        case silence
        /// The head at once, the first word only then.
        case late(Duration)
        /// The head, and comments for ever.
        case comments
        /// The head, thoughts for that long, then all words.
        case thinking(Duration)
        /// The head of a 500 and some of its body, then nothing, on an open connection.
        case brokenError
        /// So many words, then the end of the connection in the midst of the body.
        case cut(after: Int)
        /// So many words and an orderly end of the body, but no finish reason.
        case unfinished(after: Int)
        /// So many words, then an error in vLLM's form, and the end mark.
        case brokenByError(after: Int)
        /// The same, after a pause in which a caller gets the words.
        case brokenLater(after: Int)
        /// So many words, then nothing, on an open connection.
        case stall(after: Int)
        /// A whole answer, but for one chunk that is broken JSON.
        case brokenJSON(at: Int)
        /// A whole answer with its finish reason, an orderly end of the body, but no end mark.
        case noEndMark
        /// A whole answer with its finish reason, then neither the end mark nor the body's end.
        case staysOpen
        /// No word, and a finish reason: `stop` or `length`.
        case empty(finish: String)
        /// 400: more tokens than the model takes.
        case tooLong
        /// The content filter refuses the question.
        case filtered
        /// The content filter stops the answer after so many words.
        case filteredAnswer(after: Int)
        /// The same, later; the client hears nothing until then.
        case after(Duration, Fault)
    }

    /// What the conduct may depend on.
    struct Occasion: Sendable {
        let question: String
        /// Tries of this very question, from 1.
        let attempt: Int
        /// Since the first try of this question.
        let sinceFirst: Duration
        /// Since the first try of all.
        let elapsed: Duration
    }

    typealias Conduct = @Sendable (Occasion) -> Fault

    /// One try as this side saw it.
    struct Attempt: Sendable {
        /// Among all, from 0.
        let index: Int
        let question: String
        let fault: Fault
        let began: ContinuousClock.Instant
        /// When it stopped talking on purpose, to wait for what the client does.
        fileprivate(set) var fellSilent: ContinuousClock.Instant?
        /// When the last byte was sent or the connection was over.
        fileprivate(set) var ended: ContinuousClock.Instant?
        /// When the client hung up before its reply was over; nil when it did not.
        fileprivate(set) var hungUp: ContinuousClock.Instant?
    }

    /// Part of every word that it says, of its model's name and of its key.
    let voice: String
    private let socket: ProviderSocket
    private let ledger = Ledger()

    init(_ voice: String, _ conduct: @escaping Conduct = { _ in .answer }) throws {
        self.voice = voice
        socket = try ProviderSocket { [ledger] connection in
            while let request = connection.request() {
                let wire: Wire = request.path.hasPrefix("/v1beta/") ? .gemini : .openai
                let attempt = ledger.begin(wire.question(in: request.body), conduct)
                var player = FaultPlayer(connection: connection, reply: wire.reply(voice, to: attempt.question)) {
                    ledger.note(attempt) { $0.fellSilent = .now }
                }
                let isOpen = player.play(attempt.fault)
                ledger.note(attempt) { [hungUp = player.hungUp] in
                    $0.ended = .now
                    $0.hungUp = hungUp
                }
                if !isOpen { break }
            }
        }
    }

    /// The settings that make Parley ask it in this format.
    func settings(as wire: Wire) -> [String: String] {
        let base = "http://127.0.0.1:\(socket.port)"
        return switch wire {
        case .gemini: ["CHAT_GEMINI_API_KEY": "key-of-\(voice)", "CHAT_GEMINI_BASE_URL": base]
        case .openai:
            [
                "CHAT_OPENAI_API_KEY": "key-of-\(voice)", "CHAT_OPENAI_BASE_URL": base + "/v1",
                "CHAT_OPENAI_MODEL": "\(voice)-model",
            ]
        }
    }

    /// Whether a chat's reply is this provider's whole answer, word by word, with its model's name and its usage.
    func answered(_ reply: Reply, to question: String) -> Bool {
        let usage = Wire.openai.reply(voice, to: question).usage
        return reply.status == 200 && reply.text("response") == text(of: question)
            && reply.text("model") == "\(voice)-model"
            && reply.json["usage"] as? [String: Int] == [
                "prompt_tokens": usage.prompt, "completion_tokens": usage.completion, "total_tokens": usage.total,
            ]
    }

    func text(of question: String) -> String { Wire.openai.reply(voice, to: question).words.joined() }

    var attempts: [Attempt] { ledger.attempts }

    func attempts(of question: String) -> [Attempt] { attempts.filter { $0.question == question } }

    /// - Returns: the first try that fits, as soon as there is one; nil when none does in time.
    func attempt(within limit: Duration = .seconds(10), where fits: @escaping @Sendable (Attempt) -> Bool) async
        -> Attempt?
    {
        await ledger.wait(limit, fits)
    }
}

/// What a provider writes down, and who waits for it.
private final class Ledger: Sendable {
    typealias Attempt = FaultyProvider.Attempt

    private struct Waiter {
        let fits: @Sendable (Attempt) -> Bool
        let continuation: CheckedContinuation<Attempt?, Never>
    }

    private struct State {
        var attempts: [Attempt] = []
        var waiters: [Int: Waiter] = [:]
        var nextWaiter = 0
    }

    private let state = Mutex(State())

    var attempts: [Attempt] { state.withLock { $0.attempts } }

    func begin(_ question: String, _ conduct: FaultyProvider.Conduct) -> Attempt {
        let now = ContinuousClock.now
        let attempt = state.withLock { state in
            let same = state.attempts.filter { $0.question == question }
            let occasion = FaultyProvider.Occasion(
                question: question, attempt: same.count + 1, sinceFirst: (same.first?.began ?? now).duration(to: now),
                elapsed: (state.attempts.first?.began ?? now).duration(to: now))
            let attempt = Attempt(
                index: state.attempts.count, question: question, fault: conduct(occasion), began: now)
            state.attempts.append(attempt)
            return attempt
        }
        tell()
        return attempt
    }

    func note(_ attempt: Attempt, _ change: (inout Attempt) -> Void) {
        state.withLock { change(&$0.attempts[attempt.index]) }
        tell()
    }

    func wait(_ limit: Duration, _ fits: @escaping @Sendable (Attempt) -> Bool) async -> Attempt? {
        await withCheckedContinuation { continuation in
            let id = state.withLock { state in
                state.nextWaiter += 1
                state.waiters[state.nextWaiter] = Waiter(fits: fits, continuation: continuation)
                return state.nextWaiter
            }
            tell()
            Task {
                try await Task.sleep(for: limit)
                state.withLock { $0.waiters.removeValue(forKey: id) }?.continuation.resume(returning: nil)
            }
        }
    }

    private func tell() {
        let ready = state.withLock { state in
            let ready = state.waiters.compactMap { id, waiter in
                state.attempts.first(where: waiter.fits).map { (id, waiter.continuation, $0) }
            }
            for (id, _, _) in ready { state.waiters[id] = nil }
            return ready
        }
        for (_, continuation, attempt) in ready { continuation.resume(returning: attempt) }
    }
}

extension FaultyProvider {
    /// One that does what the first word of a question says.
    ///
    /// - Parameter wordsOfTheSlow: after how many it falls silent.
    static func told(_ name: String, wordsOfTheSlow words: Int) throws -> FaultyProvider {
        try FaultyProvider(name) { occasion in
            switch occasion.question.prefix(while: { $0 != " " }) {
            case "slow": .stall(after: words)
            case "cut": .brokenLater(after: 30)
            case "down": .refuse(503)
            case "refused": .refuse(400)
            case "filtered": .filtered
            case "long": .tooLong
            default: .answer
            }
        }
    }
}
