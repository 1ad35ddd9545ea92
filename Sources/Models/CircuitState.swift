internal import Chat

/// What the pool knows of one provider, in 64 bits, so that every worker changes it in one atomic step.
///
///     closed ──failures──▶ open ──cool-down over──▶ probing ──first text──▶ closed
///                           ▲                          │
///                           └────failure, for longer───┘
///
/// Closed: everybody asks. Open: nobody does. Probing: one question is on its way, and nobody else asks. Every change
/// is a pure function of the state, the event and the time.
struct CircuitState: Sendable, Equatable {
    enum Phase: UInt64 { case closed, open, probing }

    var phase = Phase.closed
    /// Milliseconds since 1970. Closed: when it was last known to be well. Open: until when. Probing: when the probe is
    /// given up for lost.
    var time: UInt64 = 0
    /// Of failures in a row.
    var points: UInt64 = 0
    /// Probes that failed in a row; each doubles the cool-down.
    var failedProbes: UInt64 = 0
    var cause = CircuitCause.none

    /// May this question be put to the provider?
    enum Admission: Equatable {
        case allowed
        case probe
        case refused(milliseconds: UInt64)
    }

    func admission(at now: UInt64, _ policy: CircuitPolicy) -> (Admission, next: CircuitState) {
        guard phase != .closed else { return (.allowed, self) }
        // The clock may have been set back.
        if time > now, time - now <= policy.longest {
            return (.refused(milliseconds: phase == .open ? time - now : 1_000), self)
        }
        var next = self
        next.phase = .probing
        next.time = now + policy.probe
        return (.probe, next)
    }

    /// A question that was put to the provider at `start` has ended.
    func after(_ outcome: CircuitOutcome, start: UInt64, isProbe: Bool, at now: UInt64, _ policy: CircuitPolicy)
        -> CircuitState
    {
        var next = self
        // A probe that was given up for lost, or overtaken by `close`, is a try like any other.
        let isProbe = isProbe && phase == .probing
        // What began before the provider was known to be well is no news, unless the clock was set back since.
        let isNews = phase != .closed || start >= time || time > now
        switch outcome {
        case .success:
            if isProbe {
                next = CircuitState(time: now)
            } else if phase == .closed {
                next.points = 0
                next.time = now
            }
        case .abandoned:
            if isProbe { next.open(until: now, cause) }
        case .keyRefused(let cause):
            if isNews { next.open(until: now + policy.keyCooldown, cause) }
        case .failure(let weight, let cause, let wait):
            if isProbe {
                next.failedProbes = min(failedProbes + 1, 15)
                let asked = min(wait ?? 0, policy.longestCooldown)
                next.open(until: now + max(policy.cooldown(after: next.failedProbes), asked), cause)
            } else if phase == .closed, isNews {
                next.points = min(points + weight, policy.threshold)
                if let wait {
                    next.open(until: now + min(wait, policy.longestCooldown), cause)
                } else if next.points >= policy.threshold {
                    next.open(until: now + policy.cooldown(after: 0), cause)
                }
            }
        }
        return next
    }

    private mutating func open(until time: UInt64, _ cause: CircuitCause) {
        self.phase = .open
        self.time = time
        self.cause = cause
        points = 0
    }
}

/// How a question ended at the provider, all its tries together, as far as the circuit cares.
enum CircuitOutcome: Equatable {
    /// The provider is well, whatever it thought of the question.
    case success
    case failure(weight: UInt64, CircuitCause, milliseconds: UInt64?)
    case keyRefused(CircuitCause)
    /// The caller went away, or it was not asked: nothing was learned.
    case abandoned

    /// - Parameter isHurried: the caller's deadline ended the try, maybe before the provider's time was over.
    init(_ failure: ModelFailure, isHurried: Bool) {
        let longestRetryAfter = RetryPolicy.longestRetryAfter
        let cause = CircuitCause(failure.reason)
        switch failure.reason {
        // No question is the reason for a 404: the model's name or the address is wrong.
        case .refused(404): self = .failure(weight: 1, cause, milliseconds: nil)
        // A reply that is whole, whatever is in it.
        case .empty, .outOfTokens: self = .success
        // It was answering, or thinking aloud, until the end.
        case .unfinished: self = .success
        case .filtered, .tooLong, .refused, .circuitOpen: self = .success
        case .unauthorized: self = .keyRefused(cause)
        case .dailyCallsSpent: self = .abandoned
        // A silent provider costs each of its callers a whole time-out. One that has begun to reply may be well.
        case .timedOut: self = .failure(weight: isHurried ? 1 : 3, cause, milliseconds: nil)
        case .rateLimited(let wait?) where wait > longestRetryAfter,
            .serverError(_, let wait?) where wait > longestRetryAfter:
            self = .failure(weight: 1, cause, milliseconds: UInt64(wait.milliseconds))
        case .unreachable, .truncated, .rateLimited, .serverError, .malformed, .wordless:
            self = .failure(weight: 1, cause, milliseconds: nil)
        }
    }
}

/// Why a circuit opened: an HTTP status, or a small number for what has none.
struct CircuitCause: Sendable, Equatable, CustomStringConvertible {
    static let none = CircuitCause(code: 0)
    let code: UInt64

    init(code: UInt64) { self.code = code }

    init(_ reason: ModelFailure.Reason) {
        switch reason {
        // Some say it with a status that means something else: Google 400, OpenAI 429.
        case .unauthorized(let status): code = [401, 402, 403].contains(status) ? UInt64(status) : 6
        case .serverError(let status, _), .refused(let status): code = UInt64(min(max(status, 100), 999))
        case .rateLimited: code = 429
        case .unreachable: code = 1
        case .timedOut, .wordless: code = 2
        case .truncated: code = 3
        case .malformed: code = 4
        case .filtered, .tooLong, .circuitOpen, .empty, .outOfTokens, .unfinished, .dailyCallsSpent: code = 0
        }
    }

    var description: String {
        switch code {
        case 0: "no failure"
        case 1: "cannot be reached"
        case 2: "does not answer in time"
        case 3: "breaks off"
        case 4: "answers in no known format"
        case 6: "refuses the key or its credit"
        case 401, 402, 403: "refuses the key or its credit (HTTP \(code))"
        default: "answers with HTTP \(code)"
        }
    }
}

/// Times in milliseconds.
struct CircuitPolicy: Sendable, Equatable {
    /// Points of failures in a row that open the circuit.
    let threshold: UInt64 = 5
    let longestCooldown: UInt64
    let keyCooldown: UInt64
    /// How long a probe may take before it is given up for lost, with its worker.
    let probe: UInt64

    var longest: UInt64 { max(longestCooldown, keyCooldown, probe) }

    func cooldown(after failedProbes: UInt64) -> UInt64 {
        min(longestCooldown, (longestCooldown / 4) << min(failedProbes, 2))
    }
}

extension CircuitState {
    private static let timeBits: UInt64 = 44

    /// 44 bits of time, 2 of phase, 4 of points, 4 of failed probes, 10 of cause.
    init(word: UInt64) {
        time = word & (1 << Self.timeBits - 1)
        phase = Phase(rawValue: word >> 44 & 3) ?? .closed
        points = word >> 46 & 15
        failedProbes = word >> 50 & 15
        cause = CircuitCause(code: word >> 54)
    }

    var word: UInt64 {
        time & (1 << Self.timeBits - 1) | phase.rawValue << 44 | points << 46 | failedProbes << 50 | cause.code << 54
    }
}
