internal import EventLoop

/// When the sockets of steady transfers are read: at once while there are few, and the more there are the more each of
/// them lets gather first.
///
/// A piece of text costs the same on its way to the caller, through nginx and TLS, whether it is one word or three. A
/// thousand streams of twenty pieces a second would take all processors piece by piece, and then be late without a bound.
@LoopActor final class Gathering {
    /// What each steady transfer adds to the time between two looks at a socket: 7,000 looks a second.
    private static let share = Duration.microseconds(140)
    /// Nobody sees text come in less than that.
    private static let longest = Duration.milliseconds(150)
    /// A timer is not set for less.
    private static let shortest = Duration.milliseconds(3)

    private var waiting: [(socket: Multi.Socket, due: ContinuousClock.Instant)] = []
    /// Of `waiting`, those that have been read.
    private var read = 0
    private var timer: LoopTimer?
    /// Sockets of steady transfers.
    var count = 0
    /// On which something comes right now.
    var reading: Multi.Socket?

    /// Whether the socket waits: it is to be read later, and will be.
    func holds(_ socket: Multi.Socket, lastRead: ContinuousClock.Instant, now: ContinuousClock.Instant) -> Bool {
        let pause = min(Self.share * count, Self.longest)
        let due = lastRead + pause
        guard pause >= Self.shortest, due > now else { return false }
        waiting.append((socket, due))
        if timer == nil { setTimer(due) }
        return true
    }

    private func setTimer(_ due: ContinuousClock.Instant) {
        timer = LoopTimer(at: due) { [self] in
            timer = nil
            let now = ContinuousClock.now
            while read < waiting.count, waiting[read].due <= now {
                let socket = waiting[read].socket
                read += 1
                socket.read(at: now)
            }
            if read == waiting.count || read > 1_024 {
                waiting.removeFirst(read)
                read = 0
            }
            if read < waiting.count { setTimer(waiting[read].due) }
        }
    }
}
