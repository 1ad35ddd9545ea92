public import Chat
internal import Curl
import Glibc
import Synchronization

/// Sends codes by SMTP, beside the requests that ask for them: whoever asks waits for no mail server, and learns
/// nothing of what it says.
///
/// A few at a time; what a server does not take now is tried again while the code is good. What waits is in this
/// process's memory alone: the code itself is written down nowhere, and who gets none asks for another one.
public final class Mailer: CodeMailer {
    public enum Event: Sendable {
        case sent
        /// It is tried again.
        case failed(cause: String, attempt: Int, again: Duration)
        case givenUp(cause: String, attempts: Int)
    }

    private struct Waiting {
        let mail: CodeMail
        let end: ContinuousClock.Instant
        var attempts = 0
    }

    private struct State {
        var queue: [Waiting] = []
        var dialogues = 0
        var underWay = 0
        /// Those that wait for their next attempt, too.
        var unfinished = 0
    }

    /// Dialogues with the server at once, each of which has a thread.
    private static let dialogues = 4
    private static let capacity = 1_000
    /// Before the first attempt: the reply is sent by then, and its time does not tell that there is one.
    private static let reserve = Duration.milliseconds(20)
    /// Between two attempts.
    private static let pauses: [Duration] = [.seconds(1), .seconds(5), .seconds(20), .seconds(60), .seconds(120)]

    private let server: SMTPServer
    private let sender: Email
    private let site: String
    private let background: Background
    private let observer: @Sendable (Event) -> Void
    private let state = Mutex(State())

    /// - Parameters:
    ///   - site: what users log in to, in their words.
    ///   - observer: told what becomes of each mail.
    public init(
        _ server: MailServer, from sender: Email, site: String, background: Background,
        observer: @escaping @Sendable (Event) -> Void
    ) {
        self.server = server.server
        self.sender = sender
        self.site = site
        self.background = background
        self.observer = observer
    }

    /// Whether a mail is on its way, or waits for that; not one that waits for its next attempt.
    public var isUnderWay: Bool { state.withLock { $0.underWay > 0 } }

    public func send(_ code: LoginCode, to email: Email, before end: ContinuousClock.Instant) {
        let mail = CodeMail(
            code: code, sender: sender, recipient: email, site: site, date: time(nil), id: SessionID.random().rawValue)
        let isTaken = state.withLock { state in
            guard state.unfinished < Self.capacity else { return false }
            state.unfinished += 1
            state.underWay += 1
            return true
        }
        guard isTaken else { return observer(.givenUp(cause: "too many mails wait", attempts: 0)) }
        enqueue(Waiting(mail: mail, end: end), after: Self.reserve)
    }

    private func enqueue(_ waiting: Waiting, after pause: Duration) {
        background.start {
            try? await self.background.clock.sleep(for: pause)
            self.enqueue(waiting)
        }
    }

    private func enqueue(_ waiting: Waiting) {
        let isToStart = state.withLock { state in
            state.queue.append(waiting)
            if waiting.attempts > 0 { state.underWay += 1 }
            guard state.dialogues < Self.dialogues else { return false }
            state.dialogues += 1
            return true
        }
        if isToStart { background.start { await self.work() } }
    }

    private func work() async {
        while let next = next() { await attempt(next) }
    }

    private func next() -> Waiting? {
        state.withLock { state in
            guard state.queue.isEmpty else { return state.queue.removeFirst() }
            state.dialogues -= 1
            return nil
        }
    }

    private func attempt(_ waiting: Waiting) async {
        var waiting = waiting
        waiting.attempts += 1
        do {
            try await server.send(
                waiting.mail.bytes, from: sender.address, to: waiting.mail.recipient.address)
            finish(.sent)
        } catch {
            let pause = Self.pauses.dropFirst(waiting.attempts - 1).first
            guard !error.isFinal, let pause, .now + pause < waiting.end else {
                return finish(.givenUp(cause: error.detail, attempts: waiting.attempts))
            }
            observer(.failed(cause: error.detail, attempt: waiting.attempts, again: pause))
            state.withLock { $0.underWay -= 1 }
            enqueue(waiting, after: pause)
        }
    }

    private func finish(_ event: Event) {
        state.withLock { state in
            state.unfinished -= 1
            state.underWay -= 1
        }
        observer(event)
    }
}
