import Glibc
import Threads

/// How a worker learns that its supervisor is gone, however it went.
///
/// The supervisor holds the only writing end of a pipe, and never writes. Each worker has the reading end, whose read
/// returns when the last writer is gone: the kernel sees to that even after SIGKILL.
public enum Lifeline {
    /// Calls `onLoss` once, on a thread of its own, when the supervisor is gone.
    ///
    /// - Returns: false when the process was not started by a supervisor; `onLoss` is then never called.
    @discardableResult
    public static func watch(onLoss: @escaping @Sendable () -> Void) -> Bool {
        guard let text = getenv(Handover.lifeline.variable), let descriptor = Int32(String(cString: text)),
            descriptor > 2,
            fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0
        else { return false }
        return watch(descriptor, onLoss: onLoss)
    }

    static func watch(_ descriptor: Int32, onLoss: @escaping @Sendable () -> Void) -> Bool {
        let watching = try? BlockingThread.detach {
            var byte: UInt8 = 0
            while true {
                let count = read(descriptor, &byte, 1)
                if count > 0 || (count < 0 && errno == EINTR) { continue }
                return onLoss()
            }
        }
        return watching != nil
    }
}
