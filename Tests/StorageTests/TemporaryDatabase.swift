import Chat
import Foundation
import Storage

/// A database in a folder of its own, which goes with it.
final class TemporaryDatabase: Sendable {
    let folder: String
    let path: String
    let database: Database

    init(messageLimit: Int = 50, reservationLifetime: Duration = .seconds(60)) async throws {
        folder = FileManager.default.temporaryDirectory.path + "/parley-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        path = folder + "/parley.sqlite"
        database = try Database(path: path, messageLimit: messageLimit, reservationLifetime: reservationLifetime)
        try await database.prepare()
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// A session that is open now.
    func session(_ letter: Character = "s", lifetime: TimeInterval = 3_600) async throws -> Session {
        let now = Date()
        let session = Session(
            id: SessionID(String(repeating: letter, count: 32))!,
            user: UserID("user_" + String(repeating: "a", count: 32))!,
            created: now, expires: now + lifetime, messagesUsed: 0)
        try await database.insert(
            SessionOpening(session: session, emailHash: "e", browserHash: "b", address: "127.0.0.1"))
        return session
    }
}

extension Database {
    /// The place that a question has got.
    func place(in session: Session, asking key: CacheKey? = nil) async throws -> Reservation {
        let beginning = try await begin(for: session.principal, asking: key)
        guard case .granted(let place) = beginning else { throw Unexpected(description: "\(beginning)") }
        return place
    }

    @discardableResult
    func record(
        _ question: String, _ answer: String = "answer", in session: Session, conversation: ConversationID? = nil,
        place: Reservation? = nil, caching fresh: CachedAnswer? = nil
    ) async throws -> Exchange {
        try await record(
            Exchange.Draft(
                principal: session.principal, conversation: conversation, question: question,
                answer: Answer(text: answer, origin: .model(name: "m", provider: "p")), danger: nil),
            place: place, caching: fresh)
    }
}

struct Unexpected: Error, CustomStringConvertible {
    let description: String
}
