public import FoundationEssentials
import Synchronization

/// Makes the ids of exchanges, before anything is stored: so whatever is done under an id can be done again.
///
///     63 bits = 43 of milliseconds since 1970 | 10 of a millisecond's 1024ths | 10 of the worker's number
///
/// A worker never makes two ids in the same 1024th (it takes the next one, 1,000,000 a second), and no two workers have the
/// same number at once. A question that follows the answer to another, in whichever worker, has the larger id: nothing is
/// answered within a microsecond. Programs before this one put chance where the last 20 bits are, so that theirs and these
/// stand in one order. An id tells when it was made and nothing about how many there are. A clock that is set back
/// does not set back a worker's ids, until the worker is started anew.
public final class ExchangeIDGenerator: Sendable {
    public static let workers = 1 << 10

    private struct State {
        var worker: Int64?
        var lastTick: Int64 = 0
    }

    private let state = Mutex(State())
    private let worker: @Sendable () -> Int?
    private let now: @Sendable () -> Date

    /// - Parameter worker: a number below ``workers`` that no other process has as long as this one lives; nil while there
    ///   is none to be had: then chance has to do.
    public init(worker: @escaping @Sendable () -> Int?, now: @escaping @Sendable () -> Date = { Date() }) {
        self.worker = worker
        self.now = now
    }

    /// This process's own number; nil while there is none to be had.
    public func number() -> Int? {
        state.withLock { state in
            if state.worker == nil { state.worker = worker().map(Int64.init) }
            return state.worker.map { Int($0) }
        }
    }

    public func next() -> ExchangeID {
        let tick = Int64(now().timeIntervalSince1970 * 1_000 * 1_024)
        return state.withLock { state in
            if state.worker == nil { state.worker = worker().map(Int64.init) }
            state.lastTick = max(state.lastTick + 1, tick)
            let worker = state.worker ?? Int64.random(in: 0..<Int64(Self.workers))
            return ExchangeID(number: state.lastTick << 10 | worker)
        }
    }
}

extension ExchangeID {
    /// The last one that a question until then can have.
    public init(lastAt time: Date) {
        number = Int64(time.timeIntervalSince1970 * 1_000 * 1_024) << 10 | Int64(ExchangeIDGenerator.workers - 1)
    }

    /// The number of the worker that made it, if it had one.
    public var worker: Int { Int(number & Int64(ExchangeIDGenerator.workers - 1)) }

    /// When it was made, in whole milliseconds.
    public var created: Date { Date(timeIntervalSince1970: Double(number >> 20) / 1_000) }
}
