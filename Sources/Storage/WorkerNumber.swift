import Chat
import Glibc

/// Tells this process from all others that use the database now: the number of a byte of the liveness locks' file that it has
/// locked, beyond those that stand for ``LivenessLock``s. The kernel frees it when the process ends.
enum WorkerNumber {
    /// ``LivenessLock``'s numbers are below.
    private static let base: Int64 = 1 << 62

    /// - Returns: nil when the file cannot be used, or all are taken. Else its descriptor, to which the lock belongs, is never
    ///   closed.
    static func claim(in path: String) -> Int? {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { return nil }
        let first = Int.random(in: 0..<ExchangeIDGenerator.workers)
        for offset in 0..<ExchangeIDGenerator.workers {
            let number = (first + offset) % ExchangeIDGenerator.workers
            if LivenessLock.control(descriptor, LivenessLock.setLock, base + Int64(number)) != nil { return number }
        }
        close(descriptor)
        return nil
    }
}
