internal import CCurl
internal import Glibc

/// An epoll set of sockets, level-triggered, and the wake-up. Used on the driver thread only.
final class Poller {
    /// One turn ends so many transfers at most: libcurl's cost of removing one grows with those that end with it.
    private static let eventsATurn = 256

    private let epoll: Int32
    private let wakeUp: WakeUp
    private let events: UnsafeMutableBufferPointer<epoll_event>

    /// - Throws: ``CurlError`` of kind `.unreachable` when no descriptor is free.
    init(_ wakeUp: WakeUp) throws(CurlError) {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else {
            throw CurlError(.unreachable, "epoll_create1: \(String(cString: strerror(errno)))")
        }
        self.wakeUp = wakeUp
        events = .allocate(capacity: Self.eventsATurn)
        events.initialize(repeating: epoll_event())
        watch(wakeUp.descriptor, for: EPOLLIN.rawValue, owner: -1)
    }

    deinit {
        close(epoll)
        events.deallocate()
    }

    /// Adds a socket or changes what is waited for.
    ///
    /// A closed socket leaves the set without a word, and its number may be another one's by now: so what the set holds
    /// is asked of the set. A socket for which the kernel has no memory is not watched; its transfer times out.
    func watch(_ socket: Int32, for events: UInt32, owner: Int32) {
        let data = UInt64(UInt32(bitPattern: owner)) << 32 | UInt64(UInt32(bitPattern: socket))
        var event = epoll_event(events: events, data: epoll_data_t(u64: data))
        if epoll_ctl(epoll, EPOLL_CTL_MOD, socket, &event) < 0, errno == ENOENT {
            epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event)
        }
    }

    func forget(_ socket: Int32) {
        epoll_ctl(epoll, EPOLL_CTL_DEL, socket, nil)
    }

    /// Waits for a socket, the wake-up or the instant, and hands over each socket that is ready.
    func wait(
        until instant: ContinuousClock.Instant?, _ ready: (_ owner: Int32, _ socket: Int32, _ events: UInt32) -> Void
    ) {
        let count = epoll_wait(epoll, events.baseAddress, Int32(events.count), Self.milliseconds(until: instant))
        for event in events.prefix(Int(max(count, 0))) {
            let owner = Int32(truncatingIfNeeded: event.data.u64 >> 32)
            if owner < 0 {
                wakeUp.clear()
            } else {
                ready(owner, Int32(truncatingIfNeeded: event.data.u64), event.events)
            }
        }
    }

    /// For `epoll_wait`: -1 is for ever.
    private static func milliseconds(until instant: ContinuousClock.Instant?) -> Int32 {
        guard let instant else { return -1 }
        let left = ContinuousClock.now.duration(to: instant)
        guard left > .zero else { return 0 }
        let (seconds, attoseconds) = min(left, .seconds(60)).components
        // Rounded up, or the last millisecond would be a busy loop.
        return Int32(seconds * 1000 + attoseconds / 1_000_000_000_000_000) + 1
    }
}
