import Glibc
import SharedMemory
import Testing

@Suite(.timeLimit(.minutes(1))) final class BoardTests {
    private static let first = BoardSection("first", version: 1, words: 3)
    private static let second = BoardSection("second", version: 1, words: 100)

    private let folder: String
    private var path: String { folder + "/board" }

    init() {
        var template = Array("/tmp/board-tests.XXXXXX".utf8CString)
        folder = String(cString: mkdtemp(&template))
    }

    deinit {
        unlink(path)
        rmdir(folder)
    }

    private func open(_ sections: BoardSection...) throws -> Board { try Board.open(path, sections) }

    @Test func isTheSameMemoryForAllWhoOpenIt() throws {
        let words = try open(Self.first)[Self.first]
        #expect((0..<3).allSatisfy { words[$0] == 0 } && words.count == 3)
        words[2] = .max
        #expect(try open(Self.first)[Self.first][2] == .max)
        #expect(words.compareExchange(2, expected: 1, desired: 2) == (false, .max))
        #expect(words.compareExchange(2, expected: .max, desired: 2) == (true, .max))
        #expect(words[2] == 2)
    }

    /// The words of one section never reach into another's, whoever adds which.
    @Test func programsOfTwoVersionsShareWhatBothKnow() throws {
        let old = try open(Self.first)[Self.first]
        old[0] = 11
        let changed = BoardSection("first", version: 2, words: 3)
        let larger = BoardSection("first", version: 1, words: 4)
        let new = try open(Self.second, Self.first, changed, larger)
        #expect(new[Self.first][0] == 11)
        for section in [Self.second, changed, larger] {
            #expect((0..<section.words).allSatisfy { new[section][$0] == 0 }, "\(section)")
            for index in 0..<section.words { new[section][index] = .max }
        }
        #expect([old[0], old[1], old[2]] == [11, 0, 0])
        new[Self.first][1] = 12
        #expect(old[1] == 12)
        #expect(try open(larger)[larger][3] == .max)
    }

    @Test(.enabled(if: geteuid() == 0, "needs root"))
    func belongsToWhomTheFolderDoes() throws {
        #expect(chown(folder, 65_534, 65_534) == 0)
        for _ in 0..<2 {
            let board = try open(Self.first)
            var status = stat()
            #expect(stat(path, &status) == 0 && status.st_uid == 65_534 && status.st_gid == 65_534)
            #expect(status.st_mode & 0o777 == 0o600 && board[Self.first].count == 3)
        }
        // What is there already is left as it is.
        #expect(chown(path, 1, 1) == 0)
        _ = try open(Self.first)
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_uid == 1)
    }

    @Test func hasItsWholeSizeOnTheDisk() throws {
        let board = try open(Self.second)
        var status = stat()
        #expect(stat(path, &status) == 0)
        #expect(
            status.st_size >= 100 * 8 && status.st_blocks * 512 >= status.st_size && status.st_mode & 0o777 == 0o600)
        #expect(board[Self.second][99] == 0)
    }

    @Test func goesOnWhenTheFileIsRemoved() throws {
        let former = try open(Self.first)[Self.first]
        unlink(path)
        former[0] = 1
        #expect(try open(Self.first)[Self.first][0] == 0)
        #expect(former[0] == 1)
    }

    /// The circuits of a former version, the beginning of something else, a place beyond the end, one that is used up.
    @Test(
        arguments: [
            [0, 0, 0, 0, 7, 1 << 44], [.max], [mark, 0, 0, 0, name, 1, 3, 1 << 20], [mark, 0, 0, 0, name, 1, 3, .max],
            [mark, 0, 0, 0, name, 1, 3, 2], [mark, 0, 0, 0] + [UInt64](repeating: 7, count: 60),
        ] as [[UInt64]])
    func aFileThatIsNoBoardIsLeftToThoseWhoHaveIt(words: [UInt64]) throws {
        let file = Glibc.open(path, O_RDWR | O_CREAT, 0o600)
        defer { close(file) }
        let bytes = words.count * 8
        #expect(write(file, words, bytes) == bytes)
        #expect(throws: BoardError.notABoard(path: path)) { try Board(descriptor: file, path, [Self.first]) }
        #expect(throws: BoardError.notABoard(path: path)) { try Board(existing: file, path, [Self.first]) }
        #expect(try open(Self.first)[Self.first][0] == 0)
        #expect(!isFile(file, at: path))
        var after = [UInt64](repeating: 0, count: words.count)
        #expect(pread(file, &after, bytes, 0) == bytes && after == words)
    }

    @Test func aReaderAddsNothing() throws {
        _ = try open(Self.first)
        let file = Glibc.open(path, O_RDONLY)
        defer { close(file) }
        #expect(try Board(existing: file, path, [Self.first])[Self.first].count == 3)
        #expect(throws: BoardError.notABoard(path: path)) { try Board(existing: file, path, [Self.second]) }
    }

    /// A worker that is forked off, or has the file mapped, must not keep others from opening it.
    @Test func isNotLockedByThoseWhoHaveIt() throws {
        let file = Glibc.open(path, O_RDWR | O_CREAT, 0o600)
        defer { close(file) }
        let board = try Board(descriptor: file, path, [Self.first])
        #expect(try open(Self.first, Self.second)[Self.second][0] == board[Self.first][0])
    }

    @Test func manyOpenItAtOnce() async throws {
        let path = path
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<64 {
                group.addTask {
                    let section = BoardSection("many\(number % 8)", version: 1, words: 1)
                    let words = try Board.open(path, [section])[section]
                    while !words.compareExchange(0, expected: words[0], desired: words[0] + 1).exchanged {}
                }
            }
            try await group.waitForAll()
        }
        for number in 0..<8 {
            let section = BoardSection("many\(number)", version: 1, words: 1)
            #expect(try Board.open(path, [section])[section][0] == 8)
        }
    }

    @Test func aFileThatCannotBeIsAnError() {
        let path = "/nowhere/at/all"
        #expect(throws: BoardError.system(call: "open", subject: path, errno: ENOENT)) {
            try Board.open(path, [Self.first])
        }
    }
}

/// What a board begins with, and "first".
private let (mark, name): (UInt64, UInt64) = (0x7061_726C_6579_0101, 0x66_6972_7374)
