import Glibc
import SharedMemory

// What a pool knows about itself, on a board beside its socket that the supervisor, the workers and `status` have mapped:
// the supervisor writes who there is, each worker what it does, and whoever may open the file reads it, even when the
// supervisor no longer answers.
//
//     header │ row │ row │ row …        64 words each
//
// A text carries a sequence number that is odd while it changes: a process that is killed at any instant leaves nothing
// that could be misread for long. The supervisor holds the file's lock (fcntl(2)), which the kernel frees when it dies: so
// it is known whether one lives.
//
// The lock belongs to one opening of the file, and lives as long as anything refers to that, a worker's mapping too. So
// the supervisor opens the file twice: with one descriptor it holds the lock and does nothing else, the other is mapped
// and handed to workers.
//
// The file is the pool's, not the database's, whose board is another: it is found by the socket, which a reload keeps
// while it may change the database; it begins anew with each pool, gives up its name while its pool drains, and ends with
// it; and two pools may have one database.

/// The scoreboard of a pool.
public final class Scoreboard: Sendable {
    /// Rows of one board; a row is a worker, serving or draining.
    static let rows = 512
    static let rowWords = 64
    static let section = BoardSection("pool", version: 1, words: (rows + 1) * rowWords)

    enum Header: Int { case supervisor, started, generation, earlyDeaths, crashLoop, workers, beat }

    private let words: SharedWords
    /// The supervisor's, open as long as this value; nil for others.
    private let own: Own?
    /// The supervisor that had the board before this one, and is gone; 0 when there was none.
    let former: pid_t
    let path: String

    /// The supervisor's own: makes the file if need be and locks it.
    ///
    /// - Parameter inherited: the descriptor of the board that this process had before it was executed anew.
    /// - Throws: ``PoolError/alreadyRunning(board:)`` when another supervisor holds it.
    init(path: String, inherited: Int32? = nil) throws(PoolError) {
        self.path = path
        let own = try Own.taken(path, inherited)
        self.own = own
        words = own.board[Self.section]
        former = own.isInherited ? 0 : pid_t(truncatingIfNeeded: words[Header.supervisor.rawValue])
        if !own.isInherited {
            // New, or one whose supervisor was killed. Workers that still have it mapped find that their rows are theirs no
            // more.
            for index in 0..<words.count { words[index] = 0 }
        }
        set(.supervisor, UInt64(getpid()))
    }

    /// A worker's view.
    ///
    /// - Parameter given: its descriptor, closed by this.
    init(given: Int32) throws(PoolError) {
        path = "descriptor \(given)"
        defer { close(given) }
        (own, former) = (nil, 0)
        words = try Self.existing(given, path, isWritable: true)
    }

    /// A reader's view.
    init(reading path: String) throws(PoolError) {
        self.path = path
        (own, former) = (nil, 0)
        let opened = try Self.open(path, O_RDONLY)
        defer { close(opened) }
        words = try Self.existing(opened, path, isWritable: false)
    }

    private static func existing(_ file: Int32, _ path: String, isWritable: Bool) throws(PoolError) -> SharedWords {
        do throws(BoardError) {
            return try Board(existing: file, path, [section], isWritable: isWritable)[section]
        } catch { throw PoolError(error) }
    }

    deinit {
        if let own { for descriptor in [own.descriptor, own.forWorkers] { close(descriptor) } }
    }

    /// The descriptor that holds the lock, which no worker may have; of the supervisor's own.
    var descriptor: Int32 { own?.descriptor ?? -1 }
    /// The one that workers get.
    var forWorkers: Int32 { own?.forWorkers ?? -1 }

    /// Gives up the name: a pool that starts now gets a board of its own. While this pool drains, its board has another.
    func vacate() { rename(path, Self.draining(path)) }

    /// Removes the file, whichever of its two names it has.
    func remove() {
        for name in [path, Self.draining(path)] where isFile(descriptor, at: name) { unlink(name) }
    }

    /// The name of a board whose pool stops.
    static func draining(_ path: String) -> String { path + "-draining" }

    func header(_ field: Header) -> UInt64 { words[field.rawValue] }
    func set(_ field: Header, _ value: UInt64) { words[field.rawValue] = value }

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
    func word(_ index: Int, ofRow number: Int) -> UInt64 { words[(number + 1) * Self.rowWords + index] }

    func setWord(_ index: Int, ofRow number: Int, _ value: UInt64) {
        words[(number + 1) * Self.rowWords + index] = value
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
}

extension Scoreboard {
    /// The supervisor's two openings of its file, both with numbers beyond those that a worker gets.
    private struct Own {
        /// Locked.
        let descriptor: Int32
        /// Mapped.
        let forWorkers: Int32
        let board: Board
        let isInherited: Bool

        /// A file of another version is left to those who have it, and a new one takes its name.
        static func taken(_ path: String, _ inherited: Int32?) throws(PoolError) -> Own {
            let descriptor = if let inherited { inherited } else { try make(path) }
            do throws(PoolError) { return try Own(descriptor, path, isInherited: inherited != nil) } catch {
                defer { close(descriptor) }
                guard case .notABoard = error else { throw error }
                if isFile(descriptor, at: path) { unlink(path) }
                let new = try make(path)
                do throws(PoolError) { return try Own(new, path, isInherited: false) } catch {
                    close(new)
                    throw error
                }
            }
        }

        private init(_ descriptor: Int32, _ path: String, isInherited: Bool) throws(PoolError) {
            var status = stat()
            guard fstat(descriptor, &status) == 0, status.st_uid == geteuid() else { throw .foreignBoard(path: path) }
            guard Scoreboard.lock(descriptor, Scoreboard.setLock) != nil else { throw .alreadyRunning(board: path) }
            // The same file, whatever its name may now lead to, without the lock of that opening.
            let again = Glibc.open("/proc/self/fd/\(descriptor)", O_RDWR | O_CLOEXEC)
            guard again >= 0 else { throw .system(call: "open again", subject: path, errno: errno) }
            defer { close(again) }
            forWorkers = try raised(again, path)
            do throws(BoardError) { board = try Board(descriptor: forWorkers, path, [Scoreboard.section]) } catch {
                close(forWorkers)
                throw PoolError(error)
            }
            self.descriptor = descriptor
            self.isInherited = isInherited
        }

        private static func make(_ path: String) throws(PoolError) -> Int32 {
            let opened = try Scoreboard.open(path, O_RDWR | O_CREAT | O_NOFOLLOW)
            defer { close(opened) }
            return try raised(opened, path)
        }
    }
}

extension PoolError {
    fileprivate init(_ error: BoardError) {
        switch error {
        case .notABoard(let path): self = .notABoard(path: path)
        case .system(let call, let subject, let code): self = .system(call: call, subject: subject, errno: code)
        }
    }
}
