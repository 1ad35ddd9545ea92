internal import Glibc
internal import Synchronization

// Words of 64 bits that processes of one machine share: a small file that each has mapped, with a section for each owner.
//
//     word 0   mark
//     word 4   directory: up to 15 entries of name, version, size, place
//     word 64  the sections, which never move
//
// Programs of several versions use one file at a time: each finds its sections by name, version and size, adds those that
// are not there, full of zeros, and leaves the others alone. Sections are added under the file's lock (flock(2)), which
// the kernel frees when its holder dies, and an entry counts once its name is there, which is written last. The words of a
// section are changed by atomic operations alone. So a process that is killed at any instant leaves nothing half done.
//
// The file has its whole size on the disk, because a full disk under a mapped page kills the process (SIGBUS). Removing or
// replacing it harms nobody: who has it mapped goes on with it.
//
// It refuses to write into a file that is no board, or whose directory cannot be right or is full.

/// What one owner keeps on a ``Board``: so many words, all zero at first.
public struct BoardSection: Sendable, Hashable {
    /// At most eight bytes.
    public let name: String
    /// To be raised when words change their meaning.
    public let version: UInt32
    public let words: Int

    public init(_ name: String, version: UInt32, words: Int) {
        precondition(!name.isEmpty && name.utf8.count <= 8 && words > 0)
        self.name = name
        self.version = version
        self.words = words
    }
}

/// The sections of a file, or of this process's own memory, as they are mapped.
public final class Board: Sendable {
    typealias Word = Atomic<UInt64>

    /// `nonisolated(unsafe)`: points to `count` words of memory that stay mapped until `deinit`, page-aligned, and only
    /// atomic operations touch them.
    nonisolated(unsafe) private let memory: UnsafeMutablePointer<Word>
    private let count: Int
    private let places: [BoardSection: Int]

    /// Opens the file, or makes it for its owner alone, which is the folder's where root makes it; its folder must exist.
    /// One that is no board is replaced.
    ///
    /// - Throws: ``BoardError``.
    public static func open(_ path: String, _ sections: [BoardSection]) throws(BoardError) -> Board {
        for _ in 0..<tries {
            guard let descriptor = try file(path) else { continue }
            defer { close(descriptor) }
            let directory = BoardDirectory(descriptor, path)
            try directory.lock()
            defer { directory.unlock() }
            // Another process may have replaced it before it was locked.
            guard isFile(descriptor, at: path) else { continue }
            do throws(BoardError) {
                let places = try directory.places(of: sections, addsMissing: true)
                return try Board(mapping: descriptor, path, places)
            } catch .notABoard { unlink(path) }
        }
        throw .notABoard(path: path)
    }

    /// - Returns: nil when another process makes it at this moment.
    private static func file(_ path: String) throws(BoardError) -> Int32? {
        let flags = O_RDWR | O_NOFOLLOW | O_CLOEXEC
        var descriptor = Glibc.open(path, flags)
        if descriptor < 0, errno == ENOENT {
            descriptor = Glibc.open(path, flags | O_CREAT | O_EXCL, 0o600)
            if descriptor < 0, errno == EEXIST { return nil }
            guard descriptor >= 0 else { throw .system(call: "open", subject: path, errno: errno) }
            let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
            guard giveAway(descriptor, toOwnerOf: folder) else {
                let code = errno
                unlink(path)
                close(descriptor)
                throw .system(call: "fchown", subject: path, errno: code)
            }
        }
        guard descriptor >= 0 else { throw .system(call: "open", subject: path, errno: errno) }
        return descriptor
    }

    /// Maps a file that is open for reading and writing; the caller closes it.
    ///
    /// - Throws: ``BoardError``, `.notABoard` when it is neither one nor empty.
    public convenience init(descriptor: Int32, _ path: String, _ sections: [BoardSection]) throws(BoardError) {
        let directory = BoardDirectory(descriptor, path)
        try directory.lock()
        defer { directory.unlock() }
        try self.init(mapping: descriptor, path, try directory.places(of: sections, addsMissing: true))
    }

    /// Maps what is there; the caller closes it. Without writing, a word that is set kills the process.
    ///
    /// - Throws: ``BoardError``, `.notABoard` when it has not all of these sections.
    public convenience init(
        existing descriptor: Int32, _ path: String, _ sections: [BoardSection], isWritable: Bool = false
    ) throws(BoardError) {
        let places = try BoardDirectory(descriptor, path).places(of: sections, addsMissing: false)
        try self.init(mapping: descriptor, path, places, isWritable: isWritable)
    }

    /// A board of this process alone.
    public convenience init(_ sections: [BoardSection]) throws(BoardError) {
        var (places, end) = ([BoardSection: Int](), 0)
        for section in sections {
            places[section] = end
            end += section.words
        }
        try self.init(places, words: end, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, "memory")
    }

    private convenience init(
        mapping descriptor: Int32, _ path: String, _ places: [BoardSection: Int], isWritable: Bool = true
    ) throws(BoardError) {
        let end = places.map { $0.value + $0.key.words }.max() ?? 0
        try self.init(
            places, words: end, isWritable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, descriptor, path)
    }

    private init(
        _ places: [BoardSection: Int], words: Int, _ protection: Int32, _ flags: Int32, _ descriptor: Int32,
        _ subject: String
    ) throws(BoardError) {
        let memory = mmap(nil, words * MemoryLayout<Word>.size, protection, flags, descriptor, 0)
        guard let memory, memory != MAP_FAILED else { throw .system(call: "mmap", subject: subject, errno: errno) }
        self.memory = memory.bindMemory(to: Word.self, capacity: words)
        self.places = places
        count = words
    }

    deinit { munmap(UnsafeMutableRawPointer(memory), count * MemoryLayout<Word>.size) }

    /// - Parameter section: one of those that this board was opened with.
    public subscript(section: BoardSection) -> SharedWords {
        guard let place = places[section] else { preconditionFailure("no section \(section.name) on this board") }
        return SharedWords(board: self, first: place, count: section.words)
    }

    fileprivate func word(_ index: Int) -> UnsafeMutablePointer<Word> { memory + index }

    /// As often as one file is replaced by others that are no boards either.
    private static let tries = 10
}

/// The words of one section. Each operation is atomic, and all are in one order (`sequentiallyConsistent`).
public struct SharedWords: Sendable {
    /// Keeps them mapped.
    private let board: Board
    private let first: Int
    public let count: Int

    fileprivate init(board: Board, first: Int, count: Int) {
        self.board = board
        self.first = first
        self.count = count
    }

    public subscript(index: Int) -> UInt64 {
        get { word(index).pointee.load(ordering: .sequentiallyConsistent) }
        nonmutating set { word(index).pointee.store(newValue, ordering: .sequentiallyConsistent) }
    }

    /// Sets a word if it is `expected`.
    ///
    /// - Returns: whether it was, and what it was.
    public func compareExchange(
        _ index: Int, expected: UInt64, desired: UInt64
    ) -> (exchanged: Bool, original: UInt64) {
        word(index).pointee.compareExchange(
            expected: expected, desired: desired, ordering: .sequentiallyConsistent)
    }

    /// Beyond the largest number it begins again at zero.
    public func add(_ number: UInt64, to index: Int) {
        word(index).pointee.wrappingAdd(number, ordering: .sequentiallyConsistent)
    }

    private func word(_ index: Int) -> UnsafeMutablePointer<Board.Word> {
        precondition((0..<count).contains(index))
        return board.word(first + index)
    }
}

/// A board cannot be used.
public enum BoardError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Or one without the sections of this program.
    case notABoard(path: String)
    case system(call: String, subject: String, errno: Int32)

    public var description: String {
        switch self {
        case .notABoard(let path): "\(path) is not a board of this version"
        case .system(let call, let subject, let code): "\(call) \(subject): \(String(cString: strerror(code)))"
        }
    }
}

/// Whether the name still leads to the open file.
public func isFile(_ descriptor: Int32, at path: String) -> Bool {
    var (one, other) = (stat(), stat())
    return lstat(path, &one) == 0 && fstat(descriptor, &other) == 0 && one.st_ino == other.st_ino
        && one.st_dev == other.st_dev
}
