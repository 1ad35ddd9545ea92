/// Tells a pool whose workers keep dying at their start from one that lost a few.
///
/// In a crash loop the slots no longer start workers on their own: the pool tries one at a time, `pause` seconds apart, until
/// one has settled. A machine whose workers cannot run is then not kept busy by starting them. When nobody is left at
/// all, the pool does not wait for that: see ``WorkerPool/lastResort``.
struct CrashLoop: Sendable, Equatable {
    /// Early deaths within `window` that make a crash loop.
    let limit: Int
    /// Seconds.
    let window: Double
    /// Seconds between two tries in a crash loop.
    let pause: Double

    private(set) var isOn = false
    /// When the last one began.
    private(set) var began: ContinuousClock.Instant?
    private var deaths: [ContinuousClock.Instant] = []
    private var nextTry: ContinuousClock.Instant?

    init(workers: Int, window: Double = 60, pause: Double = 10) {
        limit = 5 * max(2, workers)
        self.window = window
        self.pause = pause
    }

    /// - Returns: true when this death begins one.
    mutating func noteEarlyDeath(at now: ContinuousClock.Instant) -> Bool {
        let window = Duration.seconds(window)
        deaths = deaths.filter { now - $0 <= window } + [now]
        if isOn { nextTry = now + .seconds(pause) }
        guard !isOn, deaths.count >= limit else { return false }
        isOn = true
        began = now
        nextTry = now + .seconds(pause)
        return true
    }

    /// Notes that a worker has settled which was started since it began.
    ///
    /// - Returns: true when this ends one.
    mutating func noteSettled() -> Bool {
        defer { isOn = false }
        deaths = []
        return isOn
    }

    /// When a worker may be started although there is a crash loop; nil for at once.
    func pause(at now: ContinuousClock.Instant) -> ContinuousClock.Instant? {
        guard isOn, let nextTry, nextTry > now else { return nil }
        return nextTry
    }
}
