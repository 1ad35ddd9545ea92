import Foundation
import Testing

/// A worker that has no descriptor left for another connection.
@Suite(.timeLimit(.minutes(2))) struct OpenFileTests {
    @Test func servesAgainOnceDescriptorsAreFree() async throws {
        let pool = try ServedPool(["CHAT_WORKERS": "1"], launcher: ["/usr/bin/prlimit", "--nofile=64:64"])
        let warning = try await pool.lines("too few open files for CHAT_MAX_IN_FLIGHT").first
        #expect(warning?["limit"] as? Int == 64)
        try await pool.lines("worker ready")
        let run = try await Deployment()
        try await run.passRequests(to: pool.socket)

        let silent = try (0..<80).map { _ in try UnixSocket(connectedTo: pool.socket) }
        try await pool.process.errors { $0.contains("descriptorsExhausted") }
        for connection in silent { connection.close() }
        #expect(try await run.get("/health").status == 200)
        #expect(try await pool.status().code == 0, "the same worker serves")
        #expect(try await pool.lines("worker ready").count == 1)
    }
}
