import Chat
import Foundation
import Storage
import Support
import Testing

/// Another process holds the lock that writes wait for, and does not let go.
@Suite(.timeLimit(.minutes(1))) struct LockTests {
    private let temporary: TemporaryDatabase
    private let session: Session

    init() async throws {
        temporary = try await TemporaryDatabase(messageLimit: 100_000)
        session = try await temporary.session()
    }

    /// As a process does that was halted.
    private struct HeldLock {
        private let descriptor: Int32

        init(_ temporary: TemporaryDatabase) {
            descriptor = open(temporary.path + "-lock", O_RDWR | O_CLOEXEC)
            flock(descriptor, LOCK_EX)
        }

        func release() { close(descriptor) }
    }

    @Test func everybodyIsToldWithinThreeSeconds() async throws {
        _ = try await temporary.database.live(session.principal, at: Date())
        let lock = HeldLock(temporary)
        defer { lock.release() }
        let newcomer = try Database(path: temporary.path, messageLimit: 1)
        let start = ContinuousClock.now
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<40 {
                group.addTask { [temporary, session] in
                    // They come one after another, as requests do: the last one waits no longer than the first.
                    for _ in 0..<2 {
                        let begin = ContinuousClock.now
                        let error = await #expect(throws: ChatError.self) {
                            switch number % 4 {
                            case 0: try await temporary.database.record("lost", in: session)
                            case 1: _ = try await temporary.database.reserved(in: session)
                            case 2: try await newcomer.prepare()
                            default: _ = try await newcomer.live(session.principal, at: Date())
                            }
                        }
                        #expect(error?.code == .unavailable && error?.cause?.contains("lock") == true)
                        #expect(ContinuousClock.now - begin < .seconds(3))
                    }
                }
            }
        }
        #expect(ContinuousClock.now - start < .seconds(6))
        #expect(
            try await temporary.database.live(session.principal, at: Date()) != nil, "who has it open goes on reading")
    }

    @Test func itGoesOnOnceTheLockIsFree() async throws {
        let lock = HeldLock(temporary)
        await #expect(throws: ChatError.self) { try await temporary.database.record("lost", in: session) }
        lock.release()
        try await temporary.database.record("after", in: session)
        let history = try await temporary.database.history(of: session.principal, limit: 10, before: nil).admitted()
        #expect(history.map(\.question) == ["after"], "what was refused has not happened")
    }

    @Test func onlySoManyWait() async throws {
        let lock = HeldLock(temporary)
        defer { lock.release() }
        let start = ContinuousClock.now
        // Not a task group: what it does for a child that ends grows with the number of children.
        let tasks = (0..<20_000).map { _ in
            Task { [temporary, session] in
                do { _ = try await temporary.database.end(session.principal, at: Date()) } catch {
                    return (error as? ChatError)?.cause?.contains("others wait") == true
                }
                return false
            }
        }
        var refusedAtOnce = 0
        for task in tasks where await task.value { refusedAtOnce += 1 }
        #expect(refusedAtOnce > 1_000)
        #expect(ContinuousClock.now - start < .seconds(6))
    }

    @Test func aNewFileOfTheLockIsUsedWithinASecond() async throws {
        let lock = temporary.path + "-lock"
        try FileManager.default.removeItem(atPath: lock)
        try await until("it is made again") {
            try await temporary.database.record("q", in: session)
            return FileManager.default.fileExists(atPath: lock)
        }
        let held = HeldLock(temporary)
        await #expect(throws: ChatError.self) { try await temporary.database.record("lost", in: session) }
        held.release()
    }

    @Test func aStateFolderHasTheFilesThatProcessesShare() async throws {
        let (state, path) = (temporary.folder + "/state", temporary.folder + "/other.sqlite")
        try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: false)
        func database() throws -> Database {
            try Database(path: path, messageLimit: 1, stateDirectory: state)
        }
        let one = try database()
        try await one.prepare()
        #expect(try one.claimsPurging() && !database().claimsPurging())
        #expect(
            try Set(FileManager.default.contentsOfDirectory(atPath: state)) == [
                "other.sqlite-lock", "other.sqlite-holders",
            ])
        #expect(!FileManager.default.fileExists(atPath: path + "-lock"))
        try FileManager.default.removeItem(atPath: path)
        await #expect(throws: ChatError.self, "its lock says that there was one") { try await database().prepare() }
    }

    @Test func bringingItUpToDateWaitsForAsLongAsItTakes() async throws {
        let newcomer = try Database(path: temporary.path, messageLimit: 1)
        let lock = HeldLock(temporary)
        let prepared = Task { try await newcomer.prepare(isPatient: true) }
        await #expect(throws: ChatError.self) { try await temporary.database.record("lost", in: session) }
        lock.release()
        try await prepared.value
    }
}
