import Chat
import Foundation
import Storage

/// A database in a folder of its own, which goes with it.
final class TemporaryDatabase: Sendable {
    let folder: String
    let path: String
    let database: Database

    init(messageLimit: Int = 50) async throws {
        folder = FileManager.default.temporaryDirectory.path + "/parley-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        path = folder + "/parley.sqlite"
        database = try Database(path: path, messageLimit: messageLimit)
        try await database.prepare()
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// A session that is open now.
    func session(_ letter: Character = "s", lifetime: TimeInterval = 3_600) async throws -> Session {
        let session = Session.opened(letter, lifetime: lifetime)
        try await database.insert(
            SessionOpening(session: session, emailHash: "e", browserHash: "b", address: "127.0.0.1"))
        return session
    }
}
