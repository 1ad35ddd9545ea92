internal import Dispatch
internal import Glibc
internal import Synchronization
internal import Threads

// Writes lines to a descriptor whose reader may be slow or stuck, without waiting for it: a process's log.
//
//     line ─▶ pending ──end of the turn──▶ one write ──would block──▶ a thread that waits for the reader
//
// Lines of one turn of the loop leave in one write, those of other threads at once. Standard error is the same open file in
// many processes, so it must not be made non-blocking: OutputFile says what is done instead.
//
// It refuses lines beyond `limit` bytes that wait: those are lost, and counted. The count is said as soon as something can
// be written again. So it is after an error, such as a full disk.

/// Takes lines from any thread.
public final class LineWriter: Sendable {
    fileprivate struct State {
        var output: OutputFile
        /// Whole lines but for the first, which may have been written in part.
        var pending: [UInt8] = []
        /// Bytes of `pending` that have been written.
        var written = 0
        var lost = 0
        /// The thread writes, and nobody else.
        var isHandedOver = false
        var hasThread = false
        /// Written at the end of the loop's turn.
        var isScheduled = false
    }

    private let descriptor: Int32
    private let limit: Int
    private let lossLine: @Sendable (Int) -> [UInt8]
    private let state: Mutex<State>
    private let handOver = DispatchSemaphore(value: 0)
    private let drained = DispatchSemaphore(value: 0)

    /// It waits for the reader until ``neverWait()``.
    ///
    /// - Parameters:
    ///   - limit: the most bytes that may wait.
    ///   - lossLine: the line that says how many lines are lost.
    public init(descriptor: Int32, limit: Int = 1 << 20, lossLine: @escaping @Sendable (Int) -> [UInt8]) {
        self.descriptor = descriptor
        self.limit = limit
        self.lossLine = lossLine
        state = Mutex(State(output: .plain(descriptor)))
    }

    /// From now on a line waits for its reader without holding up who wrote it. Call it again when the descriptor has
    /// become another file.
    public func neverWait() {
        state.withLock { state in
            state.output.close()
            state.output = OutputFile(descriptor)
        }
    }

    /// - Parameter line: with its end.
    public func write(_ line: [UInt8]) {
        let isOnLoop = EventLoop.isCurrent
        let mustSchedule = state.withLock { state in
            guard state.pending.count - state.written + line.count <= limit else {
                state.lost += 1
                return false
            }
            state.pending += line
            guard !state.isHandedOver else { return false }
            if !isOnLoop {
                send(&state)
                return false
            }
            defer { state.isScheduled = true }
            return !state.isScheduled
        }
        guard mustSchedule else { return }
        LoopActor.assumeIsolated {
            LoopActor.atEndOfTurn { [self] in
                state.withLock { state in
                    state.isScheduled = false
                    if !state.isHandedOver { send(&state) }
                }
            }
        }
    }

    /// Waits until everything is written, for the end of the process. Not on the loop.
    ///
    /// - Returns: false when it was not within `limit`.
    public func flush(within limit: Duration) -> Bool {
        let end = DispatchTime.now() + limit / .seconds(1)
        while true {
            let isDone = state.withLock { state in
                if !state.isHandedOver { send(&state) }
                return !state.isHandedOver
            }
            if isDone { return true }
            guard drained.wait(timeout: end) == .success else { return false }
        }
    }

    /// Writes all that can be written now, and leaves the rest to the thread.
    private func send(_ state: inout State) {
        while let piece = state.nextPiece() {
            let result = state.pending.withUnsafeBytes {
                state.output.write(UnsafeRawBufferPointer(rebasing: $0[piece]))
            }
            switch result {
            case .written(let count): note(count, &state)
            case .wouldBlock: return startThread(&state)
            case .failed: state.dropPending()
            }
        }
    }

    private func note(_ count: Int, _ state: inout State) {
        state.advance(by: count)
        // Between two lines, and when there is room for those to come: a slow reader is not to hear of every one.
        guard state.lost > 0, state.isBetweenLines, state.pending.count - state.written <= limit / 2 else { return }
        let line = lossLine(state.lost)
        state.lost = 0
        state.pending.replaceSubrange(..<state.written, with: line)
        state.written = 0
    }

    // MARK: The thread

    private func startThread(_ state: inout State) {
        state.isHandedOver = true
        if !state.hasThread {
            do { try BlockingThread.detach { [self] in writeForEver() } } catch {
                state.isHandedOver = false
                return state.dropPending()
            }
            state.hasThread = true
        }
        handOver.signal()
    }

    private func writeForEver() -> Never {
        while true {
            handOver.wait()
            while let piece = nextPiece() {
                let count = piece.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                let isInterrupted = count < 0 && errno == EINTR
                state.withLock { state in
                    if count > 0 { note(count, &state) } else if !isInterrupted { state.dropPending() }
                }
            }
            drained.signal()
        }
    }

    /// - Returns: nil when nothing waits any more; the thread then writes no longer.
    private func nextPiece() -> [UInt8]? {
        state.withLock { state in
            if let piece = state.nextPiece() { return Array(state.pending[piece]) }
            state.isHandedOver = false
            return nil
        }
    }
}

extension LineWriter.State {
    /// Whole lines of ``OutputFile/pieceLimit`` bytes at most, or one longer line; nil when nothing waits.
    fileprivate func nextPiece() -> Range<Int>? {
        guard written < pending.count else { return nil }
        let end = written + output.pieceLimit
        guard end < pending.count else { return written..<pending.count }
        let newline = UInt8(ascii: "\n")
        let last = pending[written..<end].lastIndex(of: newline) ?? pending[end...].firstIndex(of: newline)
        return written..<(last.map { $0 + 1 } ?? pending.count)
    }

    fileprivate var isBetweenLines: Bool { written == 0 || pending[written - 1] == UInt8(ascii: "\n") }

    fileprivate mutating func advance(by count: Int) {
        written += count
        if written == pending.count, lost == 0 {
            // A burst's memory is given back.
            pending.removeAll(keepingCapacity: pending.capacity <= 65_536)
            written = 0
        } else if written >= max(65_536, pending.count / 2), isBetweenLines {
            // A slow reader may never take all: what it has taken must not pile up.
            pending.removeSubrange(..<written)
            written = 0
        }
    }

    /// Nobody takes it: the reader has gone, or the disk is full.
    fileprivate mutating func dropPending() {
        lost += pending[written...].count { $0 == UInt8(ascii: "\n") }
        pending = []
        written = 0
    }
}
