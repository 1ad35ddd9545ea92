import Glibc
import Synchronization

/// The standard output of a CGI program. A pipe gives no notice that a write would not block, so each write gets a
/// thread of its own; there is one request in the process.
final class CGIOutput: ReplyChannel {
    private let descriptor: Int32
    private let hasEnded = Atomic(false)

    private let sendsBody: Bool

    /// - Parameter sendsBody: false for HEAD, whose reply the server may not strip (RFC 3875, 4.3.3).
    init(descriptor: Int32, sendsBody: Bool) {
        self.descriptor = descriptor
        self.sendsBody = sendsBody
    }

    /// Whether the last byte of a reply was taken.
    var isComplete: Bool { hasEnded.load(ordering: .acquiring) }

    func deliver(_ head: [UInt8], _ body: [UInt8], isLast: Bool) async throws(ResponseError) {
        let bytes = sendsBody ? head + body : head
        let isTaken = bytes.isEmpty ? true : await onThread { [descriptor] in Self.writeAll(bytes, to: descriptor) }
        guard isTaken == true else { throw .peerGone }
        if isLast { hasEnded.store(true, ordering: .releasing) }
    }

    func abandon() {}

    private static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        bytes.withUnsafeBytes { bytes in
            var sent = 0
            while sent < bytes.count {
                let count = write(descriptor, bytes.baseAddress! + sent, bytes.count - sent)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return false }
                sent += count
            }
            return true
        }
    }
}
