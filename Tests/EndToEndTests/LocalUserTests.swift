import Foundation
import Testing

/// What another user of the same machine can do: nothing but see that it runs.
@Suite(.timeLimit(.minutes(1)), .enabled(if: geteuid() == 0, "another user's part is played by root"))
struct LocalUserTests {
    private let secret = String(repeating: "s", count: 32)

    /// - Returns: what is open to a user of no name in that group, a line for each thing.
    private func open(to group: Int, of pool: ServedPool) async throws -> [String] {
        let pids = try await pool.workers().union([pool.process.pid])
        let ended = try await EndToEndTests.run(
            "/usr/bin/setpriv",
            [
                "--reuid", "65534", "--regid", String(group), "--clear-groups", "/usr/bin/python3",
                pool.folder + "-program.py", pool.folder, pool.socket, secret,
            ] + pids.map(String.init))
        #expect(ended.code == 0, "\(ended.errors)")
        return ended.output.split(separator: "\n").map(String.init)
    }

    @Test func anotherUserMayDoNothingAndTheGroupMayConnectAndRead() async throws {
        let folder = try Deployment.newFolder()
        // Anybody may enter: what is in it must look after itself. The repository need not be theirs to enter.
        #expect(chmod(folder, 0o755) == 0)
        let program = folder + "-program.py"
        try FileManager.default.copyItem(atPath: Program.repository + "/Tests/Edge/stranger.py", toPath: program)
        #expect(chmod(program, 0o644) == 0)
        defer { try? FileManager.default.removeItem(atPath: program) }
        let pool = try ServedPool(["CHAT_LOG_FILE": folder + "/log"], folder: folder)
        // The one file that is the operator's own to close.
        #expect(chmod(folder + "/env", 0o600) == 0)
        let limit = ContinuousClock.now + .seconds(20)
        while try await pool.workers().count < 2 || access(folder + "/parley.sqlite-wal", F_OK) != 0 {
            try #require(ContinuousClock.now < limit)
            await Task.yield()
        }
        #expect(try await open(to: 65_534, of: pool) == [])
        let group = Int(getegid())
        let opened = Set(try await open(to: group, of: pool))
        #expect(
            opened.isSubset(of: [
                "connects to the socket", "reads log", "reads parley.sqlite", "reads parley.sqlite-shm",
                "reads parley.sqlite-wal", "reads s-board",
            ]), "\(opened)")
    }

    @Test func theUnitIsShutAwayAsTheManualSays() async throws {
        let ended = try await EndToEndTests.run(
            "/usr/bin/systemd-analyze",
            ["security", "--offline=true", "--threshold=11", Program.repository + "/deploy/systemd/parley.service"])
        #expect(ended.code == 0, "\(ended.output.suffix(200))\(ended.errors)")
    }
}
