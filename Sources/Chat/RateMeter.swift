public import FoundationEssentials
import Synchronization

/// The rates of one key; nil for none.
public struct RateLimits: Sendable, Hashable {
    public static let most = 1_000_000_000

    /// Requests a minute.
    public let requests: Int?
    /// Tokens a minute, prompt and completion together.
    public let tokens: Int?
    /// Calls at the same time.
    public let parallel: Int?

    /// - Throws: ``ChatError`` `.invalidField` unless each is from 1 to ``most``.
    public init(requests: Int? = nil, tokens: Int? = nil, parallel: Int? = nil) throws(ChatError) {
        for (name, limit) in [("rpm", requests), ("tpm", tokens), ("parallel", parallel)] {
            guard limit.map({ (1...Self.most).contains($0) }) ?? true else {
                throw .invalid(name, "must be from 1 to \(Self.most)")
            }
        }
        self.requests = requests
        self.tokens = tokens
        self.parallel = parallel
    }

    private init() { (requests, tokens, parallel) = (nil, nil, nil) }
    public static let none = RateLimits()
}

/// How much of a limit a minute is used up: GCRA, in its form of a leaky bucket (ITU-T I.371, annex A). A whole minute's
/// count is there at once if need be; then one comes back every 60 s / limit.
///
/// The level is in sixty-thousandths, which leave the bucket `limit` a millisecond: all of it is whole numbers, and a limit
/// that is changed needs no conversion. It is a value, for the store to read, change and write in one transaction.
public struct RateMeter: Sendable, Hashable {
    /// Milliseconds a minute.
    private static let unit: Int64 = 60_000

    /// Sixty-thousandths that had not left the bucket at `time`.
    public private(set) var level: Int64
    /// Milliseconds since 1970.
    public private(set) var time: Int64

    public init(level: Int64 = 0, time: Int64 = 0) {
        self.level = level
        self.time = time
    }

    /// Uses up some of the limit, if all of it is there.
    ///
    /// - Parameter limit: a minute.
    /// - Returns: nil when it was taken, else how long to wait until it is there if nobody else takes it. More than the
    ///   limit itself is never there: ``RateRefusal/never``.
    public mutating func take(_ count: Int, of limit: Int, at now: Date) -> RateRefusal? {
        leak(limit, now)
        if let refusal = refusal(of: count, limit, 0) { return refusal }
        level += Int64(count) * Self.unit
        return nil
    }

    /// The same, without taking it: what may be used is held elsewhere, and ``add(_:of:at:)`` counts what was.
    ///
    /// - Parameter held: what others may yet use, and has not been counted.
    public func refusal(of count: Int, of limit: Int, held: Int = 0, at now: Date) -> RateRefusal? {
        var meter = self
        meter.leak(limit, now)
        return meter.refusal(of: count, limit, held)
    }

    /// Counts what was used, even beyond the limit.
    public mutating func add(_ count: Int, of limit: Int, at now: Date) {
        leak(limit, now)
        let (sum, isTooMuch) = level.addingReportingOverflow(Int64(count) * Self.unit)
        level = isTooMuch ? .max : sum
    }

    /// What is left, and when all of it will be there again.
    public func standing(of limit: Int, held: Int = 0, at now: Date) -> RateStanding {
        var meter = self
        meter.leak(limit, now)
        let left = (Int64(limit) * Self.unit - meter.level) / Self.unit - Int64(held)
        return RateStanding(
            limit: limit, remaining: Int(max(0, left)), reset: Self.time(for: meter.level, limit))
    }

    private func refusal(of count: Int, _ limit: Int, _ held: Int) -> RateRefusal? {
        guard count <= limit else { return .never }
        let excess = level - Int64(limit - held - count) * Self.unit
        guard excess > 0 else { return nil }
        // What is held leaves no sooner than its holders do.
        return .after(Self.time(for: min(excess, level), limit))
    }

    /// What has left the bucket since the last time; a clock that was set back lets nothing out.
    private mutating func leak(_ limit: Int, _ now: Date) {
        let now = Int64((now.timeIntervalSince1970 * 1_000).rounded(.down))
        guard now > time else { return }
        let (out, isTooMuch) = (now - time).multipliedReportingOverflow(by: Int64(limit))
        level = isTooMuch ? 0 : max(0, level - out)
        time = now
    }

    private static func time(for level: Int64, _ limit: Int) -> Duration {
        .milliseconds(level / Int64(limit) + (level % Int64(limit) == 0 ? 0 : 1))
    }
}

/// Why a rate does not let a request pass.
public enum RateRefusal: Sendable, Hashable {
    case after(Duration)
    /// It needs more than the whole limit.
    case never
}

/// How a rate stands, for the caller to know.
public struct RateStanding: Sendable, Hashable {
    public let limit: Int
    public let remaining: Int
    /// Until nothing of the limit is used up.
    public let reset: Duration
}

/// How the rates of a key stand; nil where it has none.
public struct RateReport: Sendable, Hashable {
    public let requests: RateStanding?
    public let tokens: RateStanding?

    public init(requests: RateStanding?, tokens: RateStanding?) {
        self.requests = requests
        self.tokens = tokens
    }
}

/// Which of a key's rates it is.
public enum RateLimit: Sendable, Hashable {
    case requests(Int)
    case tokens(Int, needed: Int)
    case parallel(Int)
}

/// Holds how the rates of a key stand, from when its question is admitted: a stream's head is sent long before its end.
public final class RateSlot: Sendable {
    private let latest = Mutex<RateReport?>(nil)

    public init() {}

    public internal(set) var report: RateReport? {
        get { latest.withLock { $0 } }
        set { latest.withLock { $0 = newValue } }
    }
}
