import Glibc
import Testing

@testable import Pool

@Suite(.timeLimit(.minutes(1))) struct ScoreboardTests {
    private let folder = PoolRun.makeFolder()
    private var path: String { folder + "/board" }

    private func remove() {
        unlink(path)
        rmdir(folder)
    }

    @Test func keepsWhatAWorkerSays() throws {
        defer { remove() }
        let board = try Scoreboard(path: path)
        let row = try #require(board.freeRow())
        row[.pid] = 4_711
        row[.requests] = 12
        row[.lastError] = "disk full"
        let seen = try Scoreboard(reading: path).row(row.number)
        #expect(seen[.requests] == 12)
        #expect(seen[.lastError] == "disk full")
        row[.lastError] = "no"
        #expect(seen[.lastError] == "no")
        #expect(board.freeRow()?.number != row.number)
    }

    @Test(arguments: ["", "é", String(repeating: "é", count: 91), String(repeating: "x", count: 183)])
    func keepsATextThatFits(text: String) throws {
        defer { remove() }
        let row = try #require(try Scoreboard(path: path).freeRow())
        row[.note] = text
        #expect(row[.note] == text)
    }

    @Test func cutsATextAtAWholeCharacter() throws {
        defer { remove() }
        let row = try #require(try Scoreboard(path: path).freeRow())
        row[.note] = String(repeating: "x", count: 182) + "é"
        #expect(row[.note] == String(repeating: "x", count: 182))
    }

    @Test func givesNoTextThatIsHalfWritten() throws {
        defer { remove() }
        let row = try #require(try Scoreboard(path: path).freeRow())
        row[.note] = "whole"
        row.board.setWord(ScoreboardRow.Text.note.rawValue, ofRow: row.number, 1)
        #expect(row[.note] == "")
    }

    @Test func hasOneSupervisor() throws {
        defer { remove() }
        var holder: Scoreboard? = try Scoreboard(path: path)
        #expect(throws: PoolError.alreadyRunning(board: path)) { try Scoreboard(path: path) }
        #expect(holder != nil)
        holder = nil
        _ = try Scoreboard(path: path)
    }

    /// A mapping refers to the opening of the file that it was made of, and so do locks.
    @Test func isNotHeldByTheWorkersOfASupervisorThatIsGone() throws {
        defer { remove() }
        var holder: Scoreboard? = try Scoreboard(path: path)
        let worker = try Scoreboard(given: dup(try #require(holder).forWorkers))
        holder = nil
        #expect(try PoolStatus.read(board: path) == nil)
        #expect(try Scoreboard(path: path).former == getpid())
        #expect(worker.row(0)[.pid] == 0)
    }

    @Test func tellsForHowLongItsSupervisorHasBeenSilent() throws {
        defer { remove() }
        let board = try Scoreboard(path: path)
        #expect(try PoolStatus.read(board: path)?.supervisorSilence == nil)
        board.beat()
        #expect(try PoolStatus.read(board: path)?.isSupervisorStopped == false)
        board.set(.beat, sharedMilliseconds() - 6_000)
        let status = try #require(try PoolStatus.read(board: path))
        #expect(status.isSupervisorStopped && status.supervisorSilence ?? 0 >= 6)
    }

    @Test func isNoPoolWithoutASupervisor() throws {
        defer { remove() }
        #expect(try PoolStatus.read(board: path) == nil)
        var holder: Scoreboard? = try Scoreboard(path: path)
        #expect(try PoolStatus.read(board: path)?.supervisor == getpid())
        #expect(holder != nil)
        holder = nil
        #expect(try PoolStatus.read(board: path) == nil)
    }

    @Test func refusesAFileThatIsNone() throws {
        defer { remove() }
        close(open(path, O_CREAT | O_WRONLY, 0o600))
        #expect(throws: PoolError.notABoard(path: path)) { try Scoreboard(reading: path) }
    }

    @Test func beginsAnewAfterASupervisorThatWasKilled() throws {
        defer { remove() }
        var former: Scoreboard? = try Scoreboard(path: path)
        former?.row(0)[.pid] = 4_711
        former = nil
        #expect(try Scoreboard(path: path).row(0)[.pid] == 0)
    }

    /// A program of another version had it before the exec, or was killed; its workers go on with it.
    @Test(arguments: [false, true]) func leavesABoardOfAnotherVersionToThoseWhoHaveIt(isInherited: Bool) throws {
        defer { remove() }
        let file = open(path, O_CREAT | O_RDWR, 0o640)
        defer { close(file) }
        let words: [UInt64] = [0x7061_726C_6579_0001, 4_711]
        #expect(write(file, words, 16) == 16)
        let board = try Scoreboard(path: path, inherited: isInherited ? dup(file) : nil)
        #expect(board.former == 0)
        #expect(try PoolStatus.read(board: path)?.supervisor == getpid())
        var after: [UInt64] = [0, 0]
        #expect(pread(file, &after, 16, 0) == 16 && after == words)
    }
}
