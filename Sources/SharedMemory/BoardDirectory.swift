internal import Glibc

/// Where the sections of a board's file are. It is read and written through the descriptor, and mapped by nobody.
struct BoardDirectory {
    /// "parley", and the number of this layout.
    private static let mark: UInt64 = 0x7061_726C_6579_0101
    private static let (firstEntry, entryWords, headerWords) = (4, 4, 64)
    /// A section begins a line of the processor's cache, so that no two write into one.
    private static let alignment = 8
    private static let wordBytes = MemoryLayout<UInt64>.size

    /// How long the lock is waited for: its holders work for microseconds, unless they are stopped.
    private static let (lockTries, lockPause): (Int, UInt32) = (200, 5_000)

    private let descriptor: Int32
    private let path: String

    init(_ descriptor: Int32, _ path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    /// To be followed by ``unlock()``: the lock lives as long as anything refers to this opening of the file, a mapping
    /// or another process's copy of the descriptor too.
    func lock() throws(BoardError) {
        for _ in 0..<Self.lockTries {
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return }
            guard errno == EWOULDBLOCK || errno == EINTR else { break }
            usleep(Self.lockPause)
        }
        throw failure("flock")
    }

    func unlock() { flock(descriptor, LOCK_UN) }

    /// - Returns: the first word of each section.
    /// - Throws: ``BoardError``, `.notABoard` when the file is none, has no room, or lacks one that is not to be added.
    func places(of sections: [BoardSection], addsMissing: Bool) throws(BoardError) -> [BoardSection: Int] {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure("stat") }
        var header = try read()
        if addsMissing, header.allSatisfy({ $0 == 0 }) {
            try allocate(words: Self.headerWords)
            try write(Self.mark, at: 0)
            header[0] = Self.mark
        }
        guard header[0] == Self.mark else { throw .notABoard(path: path) }
        var end = max(Int(status.st_size) / Self.wordBytes, Self.headerWords)
        var places: [BoardSection: Int] = [:]
        for section in sections {
            if let place = try find(section, header, end) {
                places[section] = place
                continue
            }
            guard addsMissing, let entry = Self.entries.first(where: { header[$0] == 0 }) else {
                throw .notABoard(path: path)
            }
            let place = (end + Self.alignment - 1) / Self.alignment * Self.alignment
            end = place + section.words
            try allocate(words: end)
            let words = [section.packedName, UInt64(section.version), UInt64(section.words), UInt64(place)]
            for index in words.indices.reversed() {
                try write(words[index], at: entry + index)
                header[entry + index] = words[index]
            }
            places[section] = place
        }
        return places
    }

    private static var entries: StrideTo<Int> { stride(from: firstEntry, to: headerWords, by: entryWords) }

    private func find(_ section: BoardSection, _ header: [UInt64], _ end: Int) throws(BoardError) -> Int? {
        for entry in Self.entries where header[entry] == section.packedName {
            guard header[entry + 1] == UInt64(section.version), header[entry + 2] == UInt64(section.words) else {
                continue
            }
            guard let place = Int(exactly: header[entry + 3]), place >= Self.headerWords, place <= end - section.words
            else { throw .notABoard(path: path) }
            return place
        }
        return nil
    }

    /// What is beyond the end of the file is zero.
    private func read() throws(BoardError) -> [UInt64] {
        var words = [UInt64](repeating: 0, count: Self.headerWords)
        guard pread(descriptor, &words, words.count * Self.wordBytes, 0) >= 0 else { throw failure("read") }
        return words
    }

    private func write(_ word: UInt64, at index: Int) throws(BoardError) {
        var word = word
        guard pwrite(descriptor, &word, Self.wordBytes, off_t(index * Self.wordBytes)) == Self.wordBytes else {
            throw failure("write")
        }
    }

    private func allocate(words: Int) throws(BoardError) {
        let code = posix_fallocate(descriptor, 0, off_t(words * Self.wordBytes))
        guard code == 0 else { throw .system(call: "fallocate", subject: path, errno: code) }
    }

    private func failure(_ call: String) -> BoardError { .system(call: call, subject: path, errno: errno) }
}

extension BoardSection {
    fileprivate var packedName: UInt64 { name.utf8.reduce(0) { $0 << 8 | UInt64($1) } }
}
