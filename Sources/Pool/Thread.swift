import Glibc

/// A thread on which every signal is blocked, so that none is ever delivered there.
struct Thread: Sendable {
    let id: pthread_t

    private final class Box {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// - Returns: nil when there can be no more threads. Whoever gets a thread joins or detaches it.
    static func start(_ body: @escaping @Sendable () -> Void) -> Thread? {
        var everySignal = sigset_t()
        var before = sigset_t()
        sigfillset(&everySignal)
        pthread_sigmask(SIG_SETMASK, &everySignal, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }

        let box = Unmanaged.passRetained(Box(body))
        var id = pthread_t()
        let result = pthread_create(
            &id, nil,
            { pointer in
                Unmanaged<Box>.fromOpaque(pointer!).takeRetainedValue().body()
                return nil
            }, box.toOpaque())
        guard result == 0 else {
            box.release()
            return nil
        }
        return Thread(id: id)
    }
}
