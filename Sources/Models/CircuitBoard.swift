internal import Glibc
internal import Synchronization

/// The circuits of all providers, in a small file that every worker of the pool has mapped: what one worker finds out
/// the others know at once, without asking anybody.
///
/// A slot is two 64-bit words, a provider's identity and its ``CircuitState``. Both are only ever changed by atomic
/// operations, so a worker that is killed at any instant leaves nothing half done. Zeros mean a free slot.
public final class CircuitBoard: Sendable {
    private static let slots = 64
    private static let bytes = slots * 2 * MemoryLayout<UInt64>.size

    private typealias Word = Atomic<UInt64>

    /// `nonisolated(unsafe)`: points to `bytes` bytes of shared memory that stay mapped until `deinit`, page-aligned,
    /// and only atomic operations touch them.
    nonisolated(unsafe) private let words: UnsafeMutablePointer<Word>

    /// - Parameter path: a file that is made if it is not there; its folder must exist. It is given its whole size on
    ///   the disk now, because a full disk under a mapped page kills the process.
    /// - Throws: ``CircuitBoardError``.
    public convenience init(path: String) throws(CircuitBoardError) {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw CircuitBoardError("cannot open \(path)") }
        defer { close(descriptor) }
        let code = posix_fallocate(descriptor, 0, off_t(Self.bytes))
        guard code == 0 else { throw CircuitBoardError("cannot make \(path)", code) }
        try self.init(descriptor: descriptor, MAP_SHARED)
    }

    /// A board of this process alone.
    public convenience init() throws(CircuitBoardError) {
        try self.init(descriptor: -1, MAP_PRIVATE | MAP_ANONYMOUS)
    }

    private init(descriptor: Int32, _ flags: Int32) throws(CircuitBoardError) {
        let memory = mmap(nil, Self.bytes, PROT_READ | PROT_WRITE, flags, descriptor, 0)
        guard let memory, memory != MAP_FAILED else { throw CircuitBoardError("cannot map the circuits") }
        words = memory.bindMemory(to: Word.self, capacity: Self.slots * 2)
    }

    deinit { munmap(UnsafeMutableRawPointer(words), Self.bytes) }

    /// Closes every circuit: a new pool finds out anew.
    public func reset() {
        for slot in 0..<Self.slots { words[2 * slot + 1].store(0, ordering: .sequentiallyConsistent) }
    }

    /// - Parameter identity: not zero.
    /// - Returns: the slot of that provider. When all are taken, one of a former configuration is used again.
    func slot(for identity: UInt64) -> Int {
        let first = Int(identity % UInt64(Self.slots))
        for step in 0..<Self.slots {
            let slot = (first + step) % Self.slots
            let (isFree, owner) = words[2 * slot].compareExchange(
                expected: 0, desired: identity, ordering: .sequentiallyConsistent)
            if isFree || owner == identity { return slot }
        }
        words[2 * first].store(identity, ordering: .sequentiallyConsistent)
        words[2 * first + 1].store(0, ordering: .sequentiallyConsistent)
        return first
    }

    func state(of slot: Int) -> CircuitState {
        CircuitState(word: words[2 * slot + 1].load(ordering: .sequentiallyConsistent))
    }

    /// Changes a state in one step that no other worker can come between.
    ///
    /// - Parameter change: may run more than once.
    /// - Returns: what `change` returned, and the states before and after.
    func update<Value>(_ slot: Int, _ change: (CircuitState) -> (Value, CircuitState)) -> (
        value: Value, before: CircuitState, after: CircuitState
    ) {
        var old = words[2 * slot + 1].load(ordering: .sequentiallyConsistent)
        while true {
            let before = CircuitState(word: old)
            let (value, after) = change(before)
            if after == before { return (value, before, after) }
            let (isDone, current) = words[2 * slot + 1].compareExchange(
                expected: old, desired: after.word, ordering: .sequentiallyConsistent)
            if isDone { return (value, before, after) }
            old = current
        }
    }
}

/// The file of the circuits cannot be used.
public struct CircuitBoardError: Error, Sendable, CustomStringConvertible {
    public let description: String

    init(_ what: String, _ code: Int32 = errno) {
        description = "\(what): \(String(cString: strerror(code)))"
    }
}
