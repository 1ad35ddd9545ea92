import Glibc
import Threads

/// The result of a blocking `body`, run on a thread of its own; nil when there can be no more threads.
@discardableResult
func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value? {
    await withCheckedContinuation { continuation in
        do {
            try BlockingThread.detach { continuation.resume(returning: body()) }
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
