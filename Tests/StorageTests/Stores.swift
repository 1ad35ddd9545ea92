import Chat
import Foundation
import Storage
import Support
import Testing

/// The stores that must pass the conformance tests.
enum StoreKind: CaseIterable {
    /// One database file: all in one.
    case sqlite
    /// Ledger, answers and leases each on their own, in memory.
    case memory
}

/// What one process of a pool has.
struct Stores {
    let ledger: any Ledger
    let answers: any AnswerStore
    let leases: any CallLease
}

/// A pool of processes on one store of the given kind.
final class StorePool: Sendable {
    let sessions: any SessionStore
    let process: @Sendable () throws -> Stores
    private let temporary: TemporaryDatabase?

    init(_ kind: StoreKind, messageLimit: Int = 50) async throws {
        switch kind {
        case .sqlite:
            let temporary = try await TemporaryDatabase()
            let path = temporary.path
            self.temporary = temporary
            sessions = temporary.database
            process = {
                let database = try Database(
                    path: path, messageLimit: messageLimit, staleLifetime: .seconds(60))
                return Stores(ledger: database, answers: database, leases: database)
            }
        case .memory:
            temporary = nil
            let pool = MemoryPool(messageLimit: messageLimit)
            sessions = MemoryLedger(pool)
            process = {
                let (answers, leases) = (MemoryAnswers(pool), MemoryLeases(pool))
                let ledger = CombinedLedger(MemoryLedger(pool), answers, leases)
                return Stores(ledger: ledger, answers: answers, leases: leases)
            }
        }
    }

    func session(_ letter: Character = "s") async throws -> Session {
        let session = Session.opened(letter)
        try await sessions.insert(
            SessionOpening(session: session, emailHash: "e", browserHash: "b", address: "127.0.0.1"))
        return session
    }

    func used(_ session: Session) async throws -> Int? {
        try await sessions.live(session.principal, at: Date())?.messagesUsed
    }
}

let ids = ExchangeIDGenerator { 0 }

extension Session {
    /// One that is open now.
    static func opened(_ letter: Character, lifetime: TimeInterval = 3_600) -> Session {
        let now = Date()
        return Session(
            id: SessionID(String(repeating: letter, count: 32))!,
            user: UserID("user_" + String(repeating: "a", count: 32))!,
            created: now, expires: now + lifetime, messagesUsed: 0)
    }
}

extension CacheKey {
    init(asking text: String) {
        self.init(
            ModelRequest(messages: [.user(text)], temperature: 0, maxTokens: 1), scope: "s",
            models: "m")
    }
}

extension CachedAnswer {
    /// - Parameter lifetime: seconds from now.
    init(to key: CacheKey, _ text: String = "a", lifetime: TimeInterval = 60) {
        self.init(
            key: key, text: text, model: "m", provider: "p", usage: TokenUsage(prompt: 1, completion: 2),
            finishReason: .length,
            expires: Date(timeIntervalSince1970: (Date().timeIntervalSince1970 + lifetime).rounded()))
    }
}

extension Exchange {
    init(_ question: String, _ answer: String = "answer", id: ExchangeID = ids.next(), after parent: Exchange? = nil) {
        self.init(
            id: id, conversation: parent?.conversation ?? ConversationID(first: id), parent: parent?.id,
            question: question,
            answer: Answer(text: answer, origin: .model(name: "m", provider: "p")), danger: nil, created: id.created)
    }
}

extension Ledger {
    /// The reservation that a question has got.
    func reserved(
        in session: Session, asking key: CacheKey? = nil, by deadline: ContinuousClock.Instant = .now + .seconds(60)
    ) async throws -> Reservation {
        let place = Reservation(id: ids.next(), principal: session.principal, key: key, deadline: deadline)
        let admission = try await reserve(place).admitted()
        guard case .granted = admission else { throw Unexpected(description: "\(admission)") }
        return place
    }

    func lease(in session: Session, asking key: CacheKey) async throws -> Lease {
        let place = Reservation(id: ids.next(), principal: session.principal, key: key, deadline: .now)
        let admission = try await reserve(place).admitted()
        guard case .leased(let lease) = admission else { throw Unexpected(description: "\(admission)") }
        return lease
    }

    /// - Parameters:
    ///   - place: that the question has.
    ///   - fresh: an answer to share.
    @discardableResult
    func record(
        _ question: String, _ answer: String = "answer", in session: Session, after parent: Exchange? = nil,
        place: Reservation? = nil, caching fresh: CachedAnswer? = nil
    ) async throws -> Exchange {
        let exchange = Exchange(question, answer, id: place?.id ?? ids.next(), after: parent)
        guard place != nil || fresh != nil else { return try await record(exchange, for: session.principal).admitted() }
        let place = place ?? Reservation(id: exchange.id, principal: session.principal, key: nil, deadline: .now)
        return try await settle(exchange, place, sharing: fresh).admitted()
    }

    /// The texts above a question in a conversation.
    func texts(above position: Position, _ session: Session) async throws -> [String]? {
        try await branch(at: position, for: session.principal, limit: 8).admitted()?.messages.map(\.text)
    }

    func history(_ session: Session, limit: Int = 100, before: ExchangeID? = nil) async throws -> [Exchange] {
        try await history(of: session.principal, limit: limit, before: before).admitted()
    }
}

struct Unexpected: Error, CustomStringConvertible {
    let description: String
}
