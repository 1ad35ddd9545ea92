internal import CLinux
internal import EventLoop
internal import Glibc

/// One connection between two workers, on the event loop. One wait at a time.
@LoopActor final class RelaySocket: DescriptorHandler {
    enum Failure: Error { case closed, late }

    private let descriptor: Int32
    private let onHangUp: @LoopActor () -> Void
    private var registration: Registration?
    private var waiter: CheckedContinuation<Void, Never>?

    /// - Parameters:
    ///   - descriptor: non-blocking; closed with this.
    ///   - onHangUp: called when the peer is gone.
    init(_ descriptor: Int32, onHangUp: @escaping @LoopActor () -> Void = {}) {
        self.descriptor = descriptor
        self.onHangUp = onHangUp
        registration = Registration(descriptor, for: [.readable, .writable, .peerEnded, .edgeTriggered], self)
        if registration == nil { Glibc.close(descriptor) }
    }

    func close() {
        guard let registration else { return }
        registration.cancel()
        self.registration = nil
        Glibc.close(descriptor)
    }

    func ready(_ events: Readiness) {
        wake()
        if !events.isDisjoint(with: [.peerEnded, .hangUp, .failure]) { onHangUp() }
    }

    /// - Returns: what there is; empty at the peer's end.
    func receive(by deadline: ContinuousClock.Instant?) async throws -> [UInt8] {
        while true {
            guard registration != nil else { throw Failure.closed }
            var bytes = [UInt8](repeating: 0, count: 16_384)
            let count = recv(descriptor, &bytes, bytes.count, 0)
            if count >= 0 { return Array(bytes.prefix(count)) }
            guard errno == EAGAIN || errno == EINTR else { throw Failure.closed }
            try await wait(until: deadline)
        }
    }

    /// Returns when the kernel has taken all of it.
    func send(_ bytes: [UInt8], by deadline: ContinuousClock.Instant) async throws {
        var sent = 0
        while sent < bytes.count {
            guard registration != nil else { throw Failure.closed }
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                sent += count
            } else if errno == EAGAIN {
                try await wait(until: deadline)
            } else if errno != EINTR {
                throw Failure.closed
            }
        }
    }

    /// - Throws: when the deadline came, or the task was cancelled.
    private func wait(until deadline: ContinuousClock.Instant?) async throws {
        let timer = deadline.map { LoopTimer(at: $0) { [self] in wake() } }
        defer { timer?.cancel() }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if Task.isCancelled { continuation.resume() } else { waiter = continuation }
            }
        } onCancel: {
            Task { @LoopActor in wake() }
        }
        try Task.checkCancellation()
        if let deadline, deadline <= .now { throw Failure.late }
    }

    private func wake() {
        waiter?.resume()
        waiter = nil
    }
}
