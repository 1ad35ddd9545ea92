import StrictJSON
import Synchronization

/// What Discord has said of how much it takes, and when it takes more.
///
/// Its headers say when a bucket is used up; a 429 says how long to wait, and comes also where a bucket was not, as other
/// limits are not told. The longer time counts.
final class DiscordLimits: Sendable {
    enum Bucket: Hashable {
        /// Everything that this address or this bot sends.
        case everything
        /// Whatever the webhook writes, into whichever thread.
        case webhook
        /// The messages of one channel or thread.
        case messages(String)
        /// The making of threads, which is limited much harder.
        case threads
    }

    private static let longest = 86_400.0
    /// Buckets of threads that nobody writes into any more.
    private static let kept = 256

    private let rests = Mutex<[Bucket: ContinuousClock.Instant]>([:])
    /// How many 429 have come since anything else: whoever is told to come again at once, and is refused again, waits longer
    /// each time.
    private let refusals = Mutex(0)

    /// How long the bucket rests; nil when it takes something now.
    func rest(_ bucket: Bucket, at now: ContinuousClock.Instant) -> (time: Duration, isOfAll: Bool)? {
        rests.withLock { rests in
            let all = max(rests[.everything] ?? now, rests[.webhook] ?? now)
            if all > now { return (all - now, true) }
            guard let end = rests[bucket], end > now else { return nil }
            return (end - now, false)
        }
    }

    /// Reads what a reply says of its bucket.
    func note(_ reply: PostReply, in bucket: Bucket, at now: ContinuousClock.Instant) {
        if reply.status != 429 { refusals.withLock { $0 = 0 } }
        guard reply.status != 429, reply["X-RateLimit-Remaining"] == "0",
            let time = Self.duration(reply["X-RateLimit-Reset-After"].flatMap { Double($0) })
        else { return }
        set(bucket, now + time)
    }

    /// Reads a 429.
    ///
    /// - Parameters:
    ///   - bucket: which one refused, if it was not all of them.
    ///   - makesThread: whether the webhook's message was to make one.
    /// - Returns: how long to wait, and who; nil when nobody says.
    func refuse(_ reply: PostReply, in bucket: Bucket, makesThread: Bool, at now: ContinuousClock.Instant) -> (
        time: Duration, isOfAll: Bool
    )? {
        let json = reply.json
        guard let asked = Self.duration(json["retry_after"]?.double) ?? reply.retryAfter else { return nil }
        let count = refusals.withLock { count in
            defer { count += 1 }
            return count
        }
        let time = max(asked, count == 0 ? .zero : .milliseconds(250 << min(count - 1, 8)))
        // What says nothing of Discord's stands before all of it.
        let isGlobal = json["global"]?.bool == true || reply["X-RateLimit-Global"] == "true" || json.isEmpty
        // A webhook that may make no thread now may write into those that are there.
        let isOfThreads = makesThread && reply["X-RateLimit-Scope"] == "shared"
        let refused = isGlobal ? .everything : isOfThreads ? .threads : bucket
        set(refused, now + time)
        return (time, refused == .everything || refused == .webhook)
    }

    private func set(_ bucket: Bucket, _ end: ContinuousClock.Instant) {
        rests.withLock { rests in
            if rests.count > Self.kept { rests = rests.filter { $0.value > .now } }
            rests[bucket] = max(rests[bucket] ?? end, end)
        }
    }

    private static func duration(_ seconds: Double?) -> Duration? {
        guard let seconds, seconds >= 0, seconds.isFinite else { return nil }
        return .milliseconds(Int((min(seconds, longest) * 1_000).rounded(.up)))
    }
}
