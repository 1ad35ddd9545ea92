import Glibc

/// Runs `body` on a thread of its own, detached, with every signal blocked: no thread of this target is ever the one
/// that a signal interrupts.
///
/// - Returns: its identity, which is good for as long as `body` runs.
@discardableResult
func startThread(_ body: @escaping @Sendable () -> Void) throws(SystemError) -> pthread_t {
    final class Box {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    var everySignal = sigset_t()
    var before = sigset_t()
    sigfillset(&everySignal)
    pthread_sigmask(SIG_SETMASK, &everySignal, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }

    let box = Unmanaged.passRetained(Box(body))
    var thread = pthread_t()
    let result = pthread_create(
        &thread, nil,
        { pointer in
            Unmanaged<Box>.fromOpaque(pointer!).takeRetainedValue().body()
            return nil
        }, box.toOpaque())
    guard result == 0 else {
        box.release()
        throw SystemError(call: "pthread_create", errno: result)
    }
    pthread_detach(thread)
    return thread
}

/// The result of a blocking `body`, run on a thread of its own; nil when there can be no more threads.
@discardableResult
func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value? {
    await withCheckedContinuation { continuation in
        do {
            try startThread { continuation.resume(returning: body()) }
        } catch {
            continuation.resume(returning: nil)
        }
    }
}

/// A system call that failed.
public struct SystemError: Error, Sendable, Equatable, CustomStringConvertible {
    public let call: String
    public let errno: Int32

    public var description: String { "\(call): \(String(cString: strerror(errno)))" }
}
