public import Chat

/// Tells one kind's receiver of exchanges, one at a time.
public protocol Delivery: Sendable {
    var kind: OutboxKind { get }
    /// Names the settings that it has; not zero.
    var settings: UInt64 { get }
    /// - Parameter threads: keeps the session's thread.
    func deliver(_ message: OutboxMessage, _ threads: any ThreadKeeper) async -> DeliveryOutcome
}

/// What became of one attempt.
public enum DeliveryOutcome: Sendable, Equatable {
    case delivered
    /// The receiver will not have this one, and others are not concerned.
    case refused(String)
    /// It may do better later.
    ///
    /// - Parameter after: what the receiver asks for.
    case failed(String, after: Duration? = nil)
    /// No attempt was made, or it did not count: there were too many.
    ///
    /// - Parameter all: whether no other session's may be made meanwhile.
    case limited(Duration, all: Bool)
    /// Nothing will do better before somebody mends the settings or what they lead to.
    case stopped(String)
}

/// Keeps a session's thread. Returns when it is kept, or when nobody can wait for that any more.
public protocol ThreadKeeper: Sendable {
    func keep(_ thread: OutboxThread?) async
}

/// When a failed attempt is made again.
enum DeliveryBackoff {
    static let longest = Duration.seconds(900)

    /// Exponential, with full jitter.
    ///
    /// - Parameters:
    ///   - failures: how many attempts have failed, at least 1.
    ///   - asked: what the receiver asks for.
    ///   - random: in 0..<1.
    static func delay(after failures: Int, asked: Duration?, random: Double) -> Duration {
        let own = min(longest, .seconds(1) * (1 << min(failures - 1, 20))) * random
        return min(longest, max(own, asked ?? .zero))
    }
}
