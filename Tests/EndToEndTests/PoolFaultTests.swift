import Foundation
import Testing

/// What becomes of a pool whose supervisor or socket is taken away, and what it says about that.
@Suite(.timeLimit(.minutes(5))) struct PoolFaultTests {
    @Test func saysSoWhenItsSupervisorIsStoppedAndWhoIsDead() async throws {
        let pool = try ServedPool()
        try await pool.lines("worker ready", count: 2)
        let workers = try await pool.workers()
        pool.process.signal(SIGSTOP)
        try await pool.status { $0.contains("THE SUPERVISOR IS STOPPED") }
        // Nobody reaps it.
        kill(try #require(workers.first), SIGKILL)
        let output = try await pool.status { $0.contains(" dead ") }
        #expect(output.contains("1 of 2 workers serve"))
        #expect(try await pool.check().contains("WRONG pool: its supervisor \(pool.process.pid) is stopped"))
        pool.process.signal(SIGCONT)
        try await pool.lines("worker ready", count: 3)
    }

    @Test func makesASocketAnewThatWasRemoved() async throws {
        let pool = try ServedPool()
        try await pool.lines("worker ready", count: 2)
        #expect(try await pool.check().contains("ok    pool: supervisor \(pool.process.pid)"))
        #expect(unlink(pool.socket) == 0)
        #expect(try await pool.status().output.contains("THE SOCKET IS GONE"))
        #expect(try await pool.check().contains("WRONG socket: \(pool.socket) is gone"))
        pool.process.signal(SIGHUP)
        try await pool.lines("pool reloaded")
        try UnixSocket(connectedTo: pool.socket).close()
        #expect(try await pool.status().output.contains("GONE") == false)
        pool.process.signal(SIGTERM)
        #expect(await pool.process.end() == 0)
        #expect(!FileManager.default.fileExists(atPath: pool.socket), "it is the pool's to remove")
    }

    @Test func leavesAnothersSocketInPlaceOfItsOwnAlone() async throws {
        let pool = try ServedPool()
        try await pool.lines("worker ready", count: 2)
        #expect(unlink(pool.socket) == 0)
        let other = try DatagramSocket(pool.socket)
        pool.process.signal(SIGHUP)
        try await pool.lines("pool reloaded")
        #expect(try await pool.lines("the socket stays as it was").count == 1)
        pool.process.signal(SIGTERM)
        #expect(await pool.process.end() == 0)
        #expect(FileManager.default.fileExists(atPath: pool.socket))
        withExtendedLifetime(other) {}
    }

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
        try await front.passRequests(to: pools[0].socket)
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
