internal import CLinux
internal import Glibc

/// What epoll reports to: whoever owns the descriptor.
@LoopActor public protocol DescriptorHandler: AnyObject {
    /// - Parameter events: of the kinds that were asked for, and hang-ups and errors, which come unasked.
    func ready(_ events: Readiness)
}

/// Kinds of events of a descriptor (epoll_ctl(2)).
public struct Readiness: OptionSet, Sendable {
    public let rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    public static let readable = Readiness(rawValue: EPOLLIN.rawValue)
    public static let writable = Readiness(rawValue: EPOLLOUT.rawValue)
    /// The peer has ended its side; there may still be something to read.
    public static let peerEnded = Readiness(rawValue: EPOLLRDHUP.rawValue)
    /// Both sides are closed.
    public static let hangUp = Readiness(rawValue: EPOLLHUP.rawValue)
    public static let failure = Readiness(rawValue: EPOLLERR.rawValue)
    /// Asks for a report at each change only.
    public static let edgeTriggered = Readiness(rawValue: EPOLLET.rawValue)
    /// Asks that of several processes that wait for one socket, only one is told.
    public static let exclusive = Readiness(rawValue: EPOLLEXCLUSIVE.rawValue)
}

/// The loop itself: its turns, its epoll set and its timers.
@LoopActor final class Turns {
    /// Set by `run`, before anything can ask for it.
    static var current: Turns!

    /// Who gets a descriptor's events. A slot is used again, and so is a descriptor's number, while an event of its last
    /// use may still be in hand: the generation tells them apart.
    private struct Slot {
        var handler: (any DescriptorHandler)?
        var generation: UInt32 = 0
    }

    private static let eventsATurn = 128

    private let loop: EventLoop
    private let epoll: Int32
    private var slots: [Slot] = []
    private var freeSlots: [UInt32] = []
    /// Of each descriptor that is in the set, by its number, the token of its registration. A descriptor may be closed, and
    /// its number be another's, before whoever had it says so: that must not touch the other's registration.
    private var tokens: [UInt64] = []
    var timers = Timers()
    /// What is to be done at the end of this turn.
    var endings: [@LoopActor () -> Void] = []

    init(_ loop: EventLoop, _ wakeUp: Int32) {
        self.loop = loop
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        // Edge-triggered, so that nobody need read it.
        guard epoll >= 0, wakeUp >= 0, control(EPOLL_CTL_ADD, wakeUp, [.readable, .edgeTriggered], .max) else {
            fatalError("the event loop does not start: epoll: \(String(cString: strerror(errno)))")
        }
    }

    func run() -> Never {
        Self.current = self
        let events = UnsafeMutableBufferPointer<epoll_event>.allocate(capacity: Self.eventsATurn)
        events.initialize(repeating: epoll_event())
        while true {
            loop.haltIfStopped()
            let isIdle = loop.runJobs()
            fireTimers()
            endTurn()
            let timeout = isIdle && endings.isEmpty && loop.prepareToSleep() ? timers.millisecondsToNext() : 0
            let count = epoll_wait(epoll, events.baseAddress, Int32(events.count), timeout)
            loop.wakes()
            for event in events.prefix(Int(max(count, 0))) { report(event) }
        }
    }

    private func fireTimers() {
        guard timers.count > 0 else { return }
        let now = ContinuousClock.now
        // One that sets itself anew, for now or earlier, has its next turn when the sockets have had theirs.
        for _ in 0..<timers.count {
            guard let timer = timers.takeDue(at: now) else { return }
            timer.fire()
        }
    }

    private func endTurn() {
        guard !endings.isEmpty else { return }
        let actions = endings
        endings = []
        for action in actions { action() }
    }

    private func report(_ event: epoll_event) {
        let index = Int(UInt32(truncatingIfNeeded: event.data.u64))
        guard index < slots.count, slots[index].generation == UInt32(truncatingIfNeeded: event.data.u64 >> 32) else {
            return
        }
        slots[index].handler?.ready(Readiness(rawValue: event.events))
    }

    // MARK: Descriptors

    /// - Returns: the token of the registration; nil when the kernel has no memory for it.
    func add(_ descriptor: Int32, _ events: Readiness, _ handler: any DescriptorHandler) -> UInt64? {
        let index = freeSlots.popLast() ?? UInt32(slots.count)
        if index == slots.count { slots.append(Slot()) }
        slots[Int(index)].handler = handler
        let token = UInt64(slots[Int(index)].generation) << 32 | UInt64(index)
        guard control(EPOLL_CTL_ADD, descriptor, events, token) else {
            forget(token)
            return nil
        }
        if descriptor >= tokens.count {
            tokens += repeatElement(.max, count: Int(descriptor) + 1 - tokens.count)
        }
        tokens[Int(descriptor)] = token
        return token
    }

    func change(_ descriptor: Int32, _ events: Readiness, _ token: UInt64) -> Bool {
        tokens[Int(descriptor)] == token && control(EPOLL_CTL_MOD, descriptor, events, token)
    }

    func remove(_ descriptor: Int32, _ token: UInt64) {
        if tokens[Int(descriptor)] == token { epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, nil) }
        forget(token)
    }

    /// A descriptor that was closed has left the set by itself.
    func forget(_ token: UInt64) {
        let index = UInt32(truncatingIfNeeded: token)
        guard slots[Int(index)].generation == UInt32(truncatingIfNeeded: token >> 32) else { return }
        slots[Int(index)].handler = nil
        slots[Int(index)].generation &+= 1
        freeSlots.append(index)
    }

    private func control(_ operation: Int32, _ descriptor: Int32, _ events: Readiness, _ token: UInt64) -> Bool {
        var event = epoll_event(events: events.rawValue, data: epoll_data_t(u64: token))
        return epoll_ctl(epoll, operation, descriptor, &event) == 0
    }
}
