import Foundation
import Testing

/// What becomes of a pool whose supervisor or socket is taken away, and what it says about that.
@Suite(.timeLimit(.minutes(5))) struct PoolFaultTests {
    /// Whose supervisor was killed finishes what he has, and holds up nobody who starts anew.
    @Test func startsAnewAtOnceAfterASupervisorThatWasKilled() async throws {
        let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
        let (permissions, permitted) = AsyncStream.makeStream(of: Void.self)
        let provider = try await ScriptedProvider { _, _ in
            arrived.yield()
            for await _ in permissions { break }
            return .answer("from before")
        }
        let front = try await Deployment()
        let folder = try Deployment.newFolder()
        var pools = [try ServedPool(provider.asGemini, folder: folder)]
        try await pools[0].lines("worker ready")
        let link = folder + "/link"
        #expect(symlink(pools[0].socket, link) == 0 && rename(link, front.socket) == 0)
        let token = try await front.logIn()
        for round in 1...5 {
            let supervisor = pools[round - 1].process
            async let reply = front.post("/chat", token: token, ["message": "question \(round)"])
            for await _ in arrivals { break }
            supervisor.signal(SIGKILL)
            #expect(await supervisor.end() == -SIGKILL)
            let start = ContinuousClock.now
            pools.append(try ServedPool(provider.asGemini, folder: folder))
            try await pools[round].lines("worker ready")
            #expect(try await front.get("/health").status == 200)
            // One second on a machine that does nothing else.
            #expect(.now - start < .seconds(5), "round \(round)")
            permitted.yield()
            #expect([200, 502].contains(try await reply.status))
        }
    }
}
