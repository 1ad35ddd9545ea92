import CFastCGI
import Glibc
import Synchronization

/// What the accept threads of a process wait on: the listening socket, the connections that have sent nothing yet, and
/// the end.
final class Poller: Sendable {
    private struct State {
        /// No descriptor is free.
        var isPaused = false
        var isStopped = false
    }

    enum Event {
        case connections
        case silent(Silent)
        case end
        case failed(errno: Int32)
    }

    private let listening: Int32
    private let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    private let ending = eventfd(0, Int32(EFD_CLOEXEC))
    private let state = Mutex(State())

    init(listening: Int32) { self.listening = listening }

    deinit {
        close(epoll)
        close(ending)
    }

    func start() throws(SystemError) {
        guard epoll >= 0, ending >= 0 else { throw SystemError(call: "epoll_create1", errno: EMFILE) }
        guard arm(ending, EPOLLIN.rawValue), armListener() else { throw SystemError(call: "epoll_ctl", errno: errno) }
    }

    /// Blocks until there is something to do for one thread.
    func wait() -> Event {
        var event = epoll_event()
        while epoll_wait(epoll, &event, 1, -1) <= 0 {
            guard errno == EINTR else { return .failed(errno: errno) }
        }
        let silent = Silent(event.data.u64)
        switch silent.descriptor {
        case ending: return .end
        case listening: return .connections
        default: return .silent(silent)
        }
    }

    /// Reports a connection once it has something to read, to one thread.
    func add(_ silent: Silent) -> Bool {
        arm(silent.descriptor, EPOLLIN.rawValue | EPOLLONESHOT.rawValue, silent.packed)
    }

    /// The listening socket stays readable while no descriptor is free: leave it alone, and come back.
    ///
    /// - Parameter onFirst: called by the first of the threads that find this out.
    func pause(_ onFirst: () -> Void) {
        let isFirst = state.withLock { state in
            guard !state.isPaused, !state.isStopped else { return false }
            state.isPaused = true
            epoll_ctl(epoll, EPOLL_CTL_DEL, listening, nil)
            return true
        }
        if isFirst { onFirst() }
        var isBack = false
        repeat {
            var entry = pollfd(fd: ending, events: Int16(POLLIN), revents: 0)
            poll(&entry, 1, 100)
            guard isFirst else { return }
            isBack = state.withLock { state in
                guard state.isStopped || armListener() else { return false }
                state.isPaused = false
                return true
            }
        } while !isBack
    }

    /// Goes to the end of the listening socket's queue. The kernel wakes the process that has been in it for longest, as
    /// long as that has a thread to spare: one process would do all the work until its threads are all busy.
    ///
    /// - Returns: false when there was no way back, and nothing more is reported.
    func letOthersAccept() -> Bool {
        state.withLock { state in
            guard !state.isPaused, !state.isStopped else { return true }
            epoll_ctl(epoll, EPOLL_CTL_DEL, listening, nil)
            return armListener()
        }
    }

    func stopAccepting() {
        state.withLock { state in
            state.isStopped = true
            epoll_ctl(epoll, EPOLL_CTL_DEL, listening, nil)
        }
    }

    /// Ends every thread that waits.
    func end() { eventfd_write(ending, 1) }

    /// EPOLLEXCLUSIVE: of several worker processes on the same socket, a connection wakes one. EPOLLET: and there one
    /// thread, which accepts until nothing is left; otherwise it would wake all that wait.
    private func armListener() -> Bool {
        arm(listening, EPOLLIN.rawValue | EPOLLEXCLUSIVE.rawValue | EPOLLET.rawValue)
    }

    private func arm(_ descriptor: Int32, _ events: UInt32, _ data: UInt64? = nil) -> Bool {
        var event = epoll_event(
            events: events, data: epoll_data_t(u64: data ?? UInt64(UInt32(bitPattern: descriptor))))
        return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event) == 0
    }
}
