import Glibc
import Testing

@testable import Pool

@Suite(.timeLimit(.minutes(1))) struct ListeningSocketTests {
    private let folder = PoolRun.makeFolder()

    private func status(_ path: String) -> stat {
        var status = stat()
        lstat(path, &status)
        return status
    }

    @Test(arguments: [0o600, 0o660, 0o666] as [mode_t])
    func hasItsMode(mode: mode_t) throws {
        let path = folder + "/socket"
        let socket = try ListeningSocket(path: path, mode: mode, backlog: 1)
        #expect(status(path).st_mode == S_IFSOCK | mode)
        socket.remove()
        #expect(access(path, F_OK) != 0)
        rmdir(folder)
    }

    @Test func replacesAStaleSocket() throws {
        let path = folder + "/socket"
        let stale = try ListeningSocket(path: path, mode: 0o600, backlog: 1)
        close(stale.descriptor)
        let fresh = try ListeningSocket(path: path, mode: 0o600, backlog: 1)
        fresh.remove()
        rmdir(folder)
    }

    @Test(arguments: [0, 1] as [Int32])
    func refusesASocketThatSomebodyAnswersOn(backlog: Int32) throws {
        let path = folder + "/socket"
        let other = try ListeningSocket(path: path, mode: 0o600, backlog: backlog)
        // The second time, the queue of the smaller one is full.
        for _ in 0..<3 {
            #expect(throws: PoolError.alreadyListening(path: path)) {
                try ListeningSocket(path: path, mode: 0o600, backlog: 1)
            }
        }
        other.remove()
        rmdir(folder)
    }

    /// Workers whose supervisor was killed have its socket until they notice.
    @Test func replacesTheSocketOfASupervisorThatIsKnownToBeGone() throws {
        let path = folder + "/socket"
        let left = try ListeningSocket(path: path, mode: 0o600, backlog: 1)
        #expect(throws: PoolError.alreadyListening(path: path)) {
            try ListeningSocket(path: path, mode: 0o600, backlog: 1, former: getpid() + 1)
        }
        let fresh = try ListeningSocket(path: path, mode: 0o600, backlog: 1, former: getpid())
        #expect(!left.isAtItsPath && fresh.isAtItsPath)
        left.remove()
        fresh.remove()
        rmdir(folder)
    }

    @Test func refusesAPathThatIsNoSocket() throws {
        let path = folder + "/file"
        close(open(path, O_CREAT | O_WRONLY, 0o600))
        #expect(throws: PoolError.notASocket(path: path)) {
            try ListeningSocket(path: path, mode: 0o600, backlog: 1)
        }
        #expect(access(path, F_OK) == 0)
        unlink(path)
        rmdir(folder)
    }

    @Test func refusesAPathThatIsTooLong() throws {
        let longest = folder + "/" + String(repeating: "x", count: 106 - folder.utf8.count)
        #expect(longest.utf8.count == 107)
        try ListeningSocket(path: longest, mode: 0o600, backlog: 1).remove()
        #expect(throws: PoolError.socketPathTooLong(path: longest + "x", limit: 107)) {
            try ListeningSocket(path: longest + "x", mode: 0o600, backlog: 1)
        }
        rmdir(folder)
    }

    @Test func saysWhichFolderIsMissing() {
        let path = folder + "/missing/socket"
        #expect(throws: PoolError.system(call: "bind", subject: path, errno: ENOENT)) {
            try ListeningSocket(path: path, mode: 0o600, backlog: 1)
        }
        rmdir(folder)
    }
}
