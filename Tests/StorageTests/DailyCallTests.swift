import Chat
import Foundation
import Storage
import Synchronization
import Testing

/// The calls of a day, counted by all processes together.
@Suite(.timeLimit(.minutes(1))) struct DailyCallTests {
    @Test func neverMoreThanTheCeilingWhoeverAsks() async throws {
        let pool = try await KeyPool()
        let processes = try (0..<4).map { _ in try pool.process() }
        let all = try await withThrowingTaskGroup(of: DailyCalls.self) { group in
            for number in 0..<200 {
                group.addTask { try await processes[number % 4].countCall(ceiling: 50) }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(all.filter(\.isAdmitted).map(\.calls).sorted() == Array(1...50))
        #expect(all.filter { !$0.isAdmitted }.allSatisfy { $0.calls == 50 })
        #expect(all.compactMap(\.news).map(\.rawValue).sorted() == [1, 2], "each is told once")
        #expect(all.first { $0.news == .nearlySpent }?.calls == 40)
    }

    @Test func aDayIsOneOfUTC() async throws {
        let pool = try await KeyPool()
        let midnight = Date(timeIntervalSince1970: 1_764_374_400)
        pool.now.withLock { $0 = midnight - 1.5 }
        let last = try await pool.process().countCall(ceiling: 1)
        #expect(last.isAdmitted && last.remaining == .milliseconds(1_500) && last.news == .spent)
        let refused = try await pool.process().countCall(ceiling: 1)
        #expect(!refused.isAdmitted && refused.news == nil)
        pool.pass(1.5)
        let first = try await pool.process().countCall(ceiling: 1)
        #expect(first.isAdmitted && first.calls == 1 && first.remaining == .seconds(86_400) && first.news == .spent)
        pool.pass(-1)
        #expect(try await pool.process().countCall(ceiling: 1).isAdmitted == false, "a clock that is set back")
    }

    @Test func aCeilingThatWasLoweredIsToldToo() async throws {
        let pool = try await KeyPool()
        let database = try pool.process()
        for _ in 0..<10 { #expect(try await database.countCall(ceiling: 100).news == nil) }
        let refused = try await database.countCall(ceiling: 5)
        #expect(!refused.isAdmitted && refused.calls == 10 && refused.news == .spent)
    }
}
