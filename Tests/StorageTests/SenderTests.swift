import Chat
import Foundation
import Outbox
import SharedMemory
import Storage
import Support
import Synchronization
import Testing

/// What the sender does about a receiver that fails, with the real outbox.
@Suite(.timeLimit(.minutes(1))) struct SenderTests {
    /// A receiver who answers by the text of the question.
    private final class Receiver: Delivery {
        let kind = OutboxKind.webhook
        let settings: UInt64
        let told = Mutex<[String]>([])
        private let answer: @Sendable (String) -> DeliveryOutcome

        init(settings: UInt64 = 7, _ answer: @escaping @Sendable (String) -> DeliveryOutcome) {
            (self.settings, self.answer) = (settings, answer)
        }

        func deliver(_ message: OutboxMessage, _ threads: any ThreadKeeper) async -> DeliveryOutcome {
            let outcome = answer(message.exchange.question)
            told.withLock { $0.append(message.exchange.question) }
            return outcome
        }
    }

    /// Sleeps five milliseconds at most, and keeps what it was asked for.
    private struct HastyClock: Clock {
        final class Sleeps: Sendable {
            private let all = Mutex<[Duration]>([])

            var asked: [Duration] { all.withLock { $0 } }
            func append(_ time: Duration) { all.withLock { $0.append(time) } }
        }

        let sleeps = Sleeps()
        var now: ContinuousClock.Instant { .now }
        var minimumResolution: Duration { .nanoseconds(1) }

        func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration?) async throws {
            sleeps.append(deadline - .now)
            try await ContinuousClock().sleep(until: min(deadline, .now + .milliseconds(5)))
        }
    }

    private let temporary: TemporaryDatabase
    private let database: Database
    private let words: Board
    private let board: OutboxBoard
    private let events = Events()

    private final class Events: Sendable {
        private let all = Mutex<[Sender.Event]>([])

        var seen: [Sender.Event] { all.withLock { $0 } }
        func append(_ event: Sender.Event) { all.withLock { $0.append(event) } }
        func count(of event: Sender.Event) -> Int { seen.count { $0 == event } }
    }

    init() async throws {
        temporary = try await TemporaryDatabase()
        words = try Board([OutboxBoard.section])
        let board = OutboxBoard(on: words)
        self.board = board
        database = try Database(
            path: temporary.path, messageLimit: 100,
            outbox: OutboxIntake([.webhook], onQueued: { board.noteArrival() }))
    }

    private func sender(_ receiver: Receiver, _ board: OutboxBoard? = nil) -> Sender {
        Sender(
            [receiver], store: database, board: board ?? self.board, background: Background(),
            onEvent: { [events] event in events.append(event) })
    }

    /// One question in a session of its own.
    private func ask(_ question: String, _ letter: Character) async throws {
        try await database.record(question, in: try await temporary.session(letter))
    }

    private func stop(_ sender: Sender) async { await sender.stop(by: .now + .seconds(10)) }

    @Test func textsThatNobodyTakesHoldUpNoOthers() async throws {
        for letter in "abcde" { try await ask("bad", letter) }
        try await ask("good", "z")
        let receiver = Receiver { $0 == "good" ? .delivered : .failed("no", after: .seconds(600)) }
        let sender = sender(receiver)
        sender.start()
        try await until("it stands still") { board.status(of: .webhook).word == "failing" }
        try await until("the good one is told") { receiver.told.withLock { $0.contains("good") } }
        try await until("it goes on") { events.count(of: .goesOn(.webhook)) > 0 }
        await stop(sender)
        #expect(events.count(of: .standsStill(.webhook, cause: "no")) > 0)
    }

    @Test func aReceiverThatAsksForALongPauseStandsStill() async throws {
        try await ask("1", "a")
        let receiver = Receiver { _ in .limited(.seconds(3_600), all: true) }
        let sender = sender(receiver)
        sender.start()
        try await until("it stands still") { board.status(of: .webhook).word == "failing" }
        try await ask("2", "b")
        try await until("both are seen") { board.status(of: .webhook).counts.pending == 2 }
        await stop(sender)
        #expect(receiver.told.withLock { $0 } == ["1"], "nothing is tried in the pause")
        let expected = Sender.Event.standsStill(.webhook, cause: "the receiver asks to wait for 3600 s")
        #expect(events.seen == [.began, expected])
    }

    @Test func aPauseThatIsOverIsForgottenWhenNothingWaitsAnyMore() async throws {
        let session = try await temporary.session("a")
        try await database.record("1", in: session)
        let clock = HastyClock()
        let sender = Sender(
            [Receiver { _ in .limited(.milliseconds(200), all: true) }], store: database, board: board,
            background: Background(clock: clock), onEvent: { _ in })
        sender.start()
        try await until("it waits") { board.status(of: .webhook).counts.pending == 1 }
        let end = ContinuousClock.now + .milliseconds(200)
        _ = try await database.delete(.everything, for: session.principal)
        board.noteArrival()
        try await until("nothing waits") { board.status(of: .webhook).counts.pending == 0 }
        try await until("the pause is over") { .now > end }
        let before = clock.sleeps.asked.count
        try await until("it has slept some more") { clock.sleeps.asked.count > before + 8 }
        #expect(clock.sleeps.asked[(before + 3)...].allSatisfy { $0 > .milliseconds(900) }, "a second each")
        await stop(sender)
    }

    @Test func whatWasStoppedGoesOnWithOtherSettingsAfterAReloadOrWhenToldTo() async throws {
        try await ask("1", "a")
        let isMended = Mutex(false)
        let answer: @Sendable (String) -> DeliveryOutcome = { _ in
            isMended.withLock { $0 } ? .delivered : .stopped("403")
        }
        #expect(try await sender(Receiver(answer)).drain()?.isWell == false)
        #expect(board.status(of: .webhook).word == "stopped")
        let again = Receiver(answer)
        let worker = sender(again)
        worker.start()
        try await ask("2", "b")
        try await until("it has looked") { board.status(of: .webhook).counts.pending == 2 }
        await stop(worker)
        #expect(again.told.withLock { $0.isEmpty })
        #expect(try await sender(Receiver(settings: 8, answer)).drain()?.isWell == false, "others may do better")
        board.resume()
        #expect(board.status(of: .webhook).word == "sending")

        // The worker of before the reload goes on with the old settings for a moment.
        board.beginEra()
        let old = Receiver(answer)
        #expect(try await sender(old).drain()?.sent == 0)
        #expect(old.told.withLock { $0.count } == 1 && board.status(of: .webhook).word == "sending")
        isMended.withLock { $0 = true }
        let drained = try await sender(Receiver(answer), OutboxBoard(on: words)).drain()
        #expect(drained?.sent == 2 && drained?.isWell == true)
        #expect(events.count(of: .stopped(.webhook, cause: "403")) == 2)
    }

    @Test func onceSentByHandAFailureIsSeen() async throws {
        try await ask("1", "a")
        let drained = try await sender(Receiver { _ in .failed("away") }).drain()
        #expect(drained?.sent == 0 && drained?.isWell == false && board.status(of: .webhook).word == "failing")
        #expect(try await database.fault(of: .webhook) == "away")
        #expect(board.status(of: .webhook).counts.pending == 1)
    }

    @Test func oneThatIsRefusedIsGivenUpAndTheNextOfItsSessionIsSent() async throws {
        let session = try await temporary.session("a")
        for question in ["bad", "good"] { try await database.record(question, in: session) }
        let receiver = Receiver { $0 == "bad" ? .refused("400") : .delivered }
        let drained = try await sender(receiver).drain()
        #expect(drained?.sent == 1 && receiver.told.withLock { $0 } == ["bad", "good"])
        #expect(try await database.counts(of: .webhook).dead == 1)
        // What was given up can be sent again.
        #expect(try await database.revive(.webhook) == 1)
        #expect(try await sender(Receiver { _ in .delivered }).drain()?.sent == 1)
    }
}
