import Glibc
import Synchronization

// What a pool knows about itself, in a small file beside its socket that the supervisor, the workers and `status` have
// mapped: the supervisor writes who there is, each worker what it does, and whoever may open the file reads it, even
// when the supervisor no longer answers.
//
//     header │ row │ row │ row …        64 words of 64 bits each
//
// Every word is changed by atomic operations alone, and a text carries a sequence number that is odd while it changes:
// a process that is killed at any instant leaves nothing that could be misread for long. The supervisor holds the file's
// lock, which the kernel frees when it dies: so it is known whether one lives.
//
// The lock belongs to one opening of the file, and lives as long as anything refers to that, a worker's mapping too. So
// the supervisor opens the file twice: with one descriptor it holds the lock and does nothing else, the other is mapped
// and handed to workers.

/// The scoreboard of a pool.
public final class Scoreboard: Sendable {
    /// Rows of one board; a row is a worker, serving or draining.
    static let rows = 512
    static let words = 64
    private static let bytes = (rows + 1) * words * MemoryLayout<UInt64>.size
    /// "parley" and the number of this layout.
    private static let layout: UInt64 = 0x7061_726C_6579_0001

    typealias Word = Atomic<UInt64>

    enum Header: Int { case layout, supervisor, started, generation, earlyDeaths, storm, workers, beat }

    /// `nonisolated(unsafe)`: points to `bytes` bytes of shared memory that stay mapped until `deinit`, page-aligned,
    /// and only atomic operations touch them.
    nonisolated(unsafe) private let memory: UnsafeMutablePointer<Word>
    /// The supervisor's, open as long as this value; -1 for others. The lock belongs to it, and no worker may have it.
    let descriptor: Int32
    /// The supervisor's other opening of the file, which workers get; -1 for others.
    let forWorkers: Int32
    /// The supervisor that had the board before this one, and is gone; 0 when there was none.
    let former: pid_t
    let path: String

    /// The supervisor's own: makes the file if need be and locks it.
    ///
    /// - Parameter inherited: the descriptor of the board that this process had before it was executed anew.
    /// - Throws: ``PoolError/alreadyRunning(board:)`` when another supervisor holds it.
    init(path: String, inherited: Int32? = nil) throws(PoolError) {
        self.path = path
        let descriptor: Int32
        if let inherited {
            descriptor = inherited
        } else {
            descriptor = try Self.open(path, O_RDWR | O_CREAT | O_NOFOLLOW)
        }
        do throws(PoolError) {
            // Beyond the numbers that a worker gets.
            self.descriptor = inherited == nil ? try raised(descriptor, path) : descriptor
            if inherited == nil { close(descriptor) }
        } catch {
            close(descriptor)
            throw error
        }
        do throws(PoolError) {
            var status = stat()
            guard fstat(self.descriptor, &status) == 0, status.st_uid == geteuid() else {
                throw .foreignBoard(path: path)
            }
            guard Self.lock(self.descriptor, Self.setLock) != nil else { throw .alreadyRunning(board: path) }
            let code = posix_fallocate(self.descriptor, 0, off_t(Self.bytes))
            guard code == 0 else { throw .system(call: "fallocate", subject: path, errno: code) }
            forWorkers = try Self.openAgain(self.descriptor, path)
        } catch {
            close(self.descriptor)
            throw error
        }
        do throws(PoolError) {
            memory = try Self.map(forWorkers, PROT_READ | PROT_WRITE, path)
        } catch {
            close(forWorkers)
            close(self.descriptor)
            throw error
        }
        let isKnown = memory[Header.layout.rawValue].load(ordering: .acquiring) == Self.layout
        let supervisor = memory[Header.supervisor.rawValue].load(ordering: .acquiring)
        former = inherited == nil && isKnown ? pid_t(truncatingIfNeeded: supervisor) : 0
        if inherited == nil || !isKnown {
            // New, another program's, or one whose supervisor was killed. Workers that still have it mapped find that
            // their rows are theirs no more.
            for word in 0..<(Self.rows + 1) * Self.words { memory[word].store(0, ordering: .relaxed) }
            set(.layout, Self.layout)
        }
        set(.supervisor, UInt64(getpid()))
    }

    /// A worker's view.
    ///
    /// - Parameter given: its descriptor, closed by this.
    init(given: Int32) throws(PoolError) {
        path = "descriptor \(given)"
        (descriptor, forWorkers, former) = (-1, -1, 0)
        defer { close(given) }
        memory = try Self.existing(given, PROT_READ | PROT_WRITE, path)
        guard header(.layout) == Self.layout else { throw .notABoard(path: path) }
    }

    /// A reader's view.
    init(reading path: String) throws(PoolError) {
        self.path = path
        (descriptor, forWorkers, former) = (-1, -1, 0)
        let opened = try Self.open(path, O_RDONLY)
        defer { close(opened) }
        memory = try Self.existing(opened, PROT_READ, path)
        guard header(.layout) == Self.layout else { throw .notABoard(path: path) }
    }

    private static func existing(
        _ descriptor: Int32, _ protection: Int32, _ path: String
    ) throws(PoolError) -> UnsafeMutablePointer<Word> {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_size >= bytes else { throw .notABoard(path: path) }
        return try map(descriptor, protection, path)
    }

    deinit {
        munmap(UnsafeMutableRawPointer(memory), Self.bytes)
        for descriptor in [descriptor, forWorkers] where descriptor >= 0 { close(descriptor) }
    }

    /// Gives up the name: a pool that starts now gets a board of its own. While this pool drains, its board has another.
    func vacate() { rename(path, Self.draining(path)) }

    /// Removes the file, whichever of its two names it has.
    func remove() {
        for name in [path, Self.draining(path)] where Self.isSame(name, descriptor) { unlink(name) }
    }

    /// The name of a board whose pool stops.
    static func draining(_ path: String) -> String { path + "-draining" }

    private static func isSame(_ path: String, _ descriptor: Int32) -> Bool {
        var (one, other) = (stat(), stat())
        return lstat(path, &one) == 0 && fstat(descriptor, &other) == 0 && one.st_ino == other.st_ino
            && one.st_dev == other.st_dev
    }

    func header(_ field: Header) -> UInt64 { memory[field.rawValue].load(ordering: .acquiring) }
    func set(_ field: Header, _ value: UInt64) { memory[field.rawValue].store(value, ordering: .releasing) }

    /// The supervisor's own sign of life, once a second.
    func beat() { set(.beat, sharedMilliseconds()) }

    /// - Parameter number: below ``rows``.
    func row(_ number: Int) -> ScoreboardRow { ScoreboardRow(board: self, number: number) }

    /// - Returns: a row that no worker has, emptied; nil when there is none.
    func freeRow() -> ScoreboardRow? {
        for number in 0..<Self.rows where row(number)[.pid] == 0 {
            let row = row(number)
            row.clear()
            return row
        }
        return nil
    }

    /// - Parameter index: of a word of the row.
    func word(_ index: Int, ofRow number: Int) -> UInt64 {
        memory[(number + 1) * Self.words + index].load(ordering: .acquiring)
    }

    func setWord(_ index: Int, ofRow number: Int, _ value: UInt64) {
        memory[(number + 1) * Self.words + index].store(value, ordering: .releasing)
    }

    /// Whether a supervisor holds the file that is open as `descriptor`.
    static func isHeld(_ descriptor: Int32) -> Bool { lock(descriptor, getLock) != F_UNLCK }

    /// linux/fcntl.h: locks that belong to an open file, so that an exec keeps them; glibc shows them under
    /// `_GNU_SOURCE` only, which Swift does not define.
    private static let (getLock, setLock): (Int32, Int32) = (36, 37)

    /// - Returns: the kind of lock that the kernel wrote back; nil when it refused.
    private static func lock(_ descriptor: Int32, _ command: Int32) -> Int32? {
        var range = flock()
        range.l_type = Int16(F_WRLCK)
        range.l_whence = Int16(SEEK_SET)
        range.l_len = 1
        return fcntl(descriptor, command, &range) == 0 ? Int32(range.l_type) : nil
    }

    private static func open(_ path: String, _ flags: Int32) throws(PoolError) -> Int32 {
        let descriptor = Glibc.open(path, flags | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else {
            if errno == ENOENT, flags & O_CREAT != 0 { throw .noFolder(path: path) }
            throw .system(call: "open", subject: path, errno: errno)
        }
        return descriptor
    }

    /// The same file as `descriptor`, whatever its name may now lead to, without the lock of that opening.
    private static func openAgain(_ descriptor: Int32, _ path: String) throws(PoolError) -> Int32 {
        let opened = Glibc.open("/proc/self/fd/\(descriptor)", O_RDWR | O_CLOEXEC)
        guard opened >= 0 else { throw .system(call: "open again", subject: path, errno: errno) }
        defer { close(opened) }
        return try raised(opened, path)
    }

    private static func map(
        _ descriptor: Int32, _ protection: Int32, _ path: String
    ) throws(PoolError) -> UnsafeMutablePointer<Word> {
        let memory = mmap(nil, bytes, protection, MAP_SHARED, descriptor, 0)
        guard let memory, memory != MAP_FAILED else { throw .system(call: "mmap", subject: path, errno: errno) }
        return memory.bindMemory(to: Word.self, capacity: (rows + 1) * words)
    }
}

/// One worker's row of a ``Scoreboard``.
struct ScoreboardRow {
    let board: Scoreboard
    let number: Int

    /// The supervisor writes the first five, the worker the others.
    enum Field: Int { case pid, slot, generation, state, started, beat, requests, inFlight, memory, errorAt }

    /// A text of a row: a sequence number, and bytes that end with the first zero.
    enum Text: Int {
        case lastError = 12
        case note = 36

        var bytes: Int { 23 * MemoryLayout<UInt64>.size }
    }

    subscript(_ field: Field) -> UInt64 {
        get { board.word(field.rawValue, ofRow: number) }
        nonmutating set { board.setWord(field.rawValue, ofRow: number, newValue) }
    }

    subscript(_ text: Text) -> String {
        get { read(text) ?? "" }
        nonmutating set { write(text, newValue) }
    }

    func clear() {
        for index in 0..<Scoreboard.words { board.setWord(index, ofRow: number, 0) }
    }

    private func write(_ text: Text, _ value: String) {
        var bytes = Array(value.utf8.prefix(text.bytes - 1))
        // Not in the middle of a character.
        while !bytes.isEmpty, String(validating: bytes, as: UTF8.self) == nil { bytes.removeLast() }
        bytes += [UInt8](repeating: 0, count: text.bytes - bytes.count)
        let sequence = board.word(text.rawValue, ofRow: number) | 1
        board.setWord(text.rawValue, ofRow: number, sequence)
        for index in 0..<text.bytes / 8 {
            let word = bytes[index * 8..<index * 8 + 8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            board.setWord(text.rawValue + 1 + index, ofRow: number, word)
        }
        board.setWord(text.rawValue, ofRow: number, sequence &+ 1)
    }

    /// - Returns: nil when it was being written at each of some tries; its writer may have died at it.
    private func read(_ text: Text) -> String? {
        for _ in 0..<100 {
            let sequence = board.word(text.rawValue, ofRow: number)
            guard sequence & 1 == 0 else { continue }
            var bytes: [UInt8] = []
            for index in 0..<text.bytes / 8 {
                let word = board.word(text.rawValue + 1 + index, ofRow: number)
                for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
            }
            guard board.word(text.rawValue, ofRow: number) == sequence else { continue }
            return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        return nil
    }
}

/// Milliseconds of the clock that all processes of a machine share and nobody sets.
func sharedMilliseconds() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000 + UInt64(time.tv_nsec) / 1_000_000
}
