import Synchronization
import Testing

@testable import Storage

@Suite(.timeLimit(.minutes(1))) struct BoundedWaitTests {
    /// One for each would stay behind until it fires.
    @Test func oneTimerServesAllWhoWait() async {
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        let timers = Mutex(0)
        let wait = BoundedWait { _ in
            timers.withLock { $0 += 1 }
            for await _ in ends {}
        }
        for _ in 0..<1_000 { #expect(await wait.failure {} == nil) }
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<1_000 { group.addTask { #expect(await wait.failure {} == nil) } }
        }
        #expect(timers.withLock { $0 } <= 1)
        end.finish()
    }

    @Test func whatTakesTooLongIsLockedAndLaterWorkIsNot() async {
        struct Broken: Error {}
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        let wait = BoundedWait(limit: .milliseconds(20)) { try? await Task.sleep(until: $0, clock: .continuous) }
        for _ in 0..<3 {
            let failure = await wait.failure { for await _ in ends {} }
            #expect((failure as? StorageFailure)?.fault == .locked)
        }
        end.finish()
        #expect(await wait.failure { throw Broken() } is Broken)
    }
}
