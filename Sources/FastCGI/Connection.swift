internal import CLinux
import EventLoop
import Glibc

/// One connection, and the requests that come on it one after another.
///
///     reading ──whole request──▶ answering ──last byte taken──▶ reading (kept) or closed
///
/// Between requests a kept connection costs its descriptor and this object. It is in the loop's epoll set from its
/// beginning to its end, edge-triggered, so that a request costs no system call for watching it. A peer that hangs up
/// cancels the task that answers it; one that has only ended its own side still gets its reply.
@LoopActor final class Connection: DescriptorHandler {
    private enum State {
        /// Waits for a request, or for the rest of one.
        case reading
        case answering
        case closed
    }

    private static let events: Readiness = [.readable, .peerEnded, .edgeTriggered]

    private let descriptor: Int32
    /// They hold each other until the connection ends.
    private let listener: Listener
    private var registration: Registration?
    private var state = State.reading
    private var reader: RequestReader?
    /// Ends a request that is not whole in time.
    private var readTimer: LoopTimer?
    private var task: Task<Void, Never>?
    private var requestID: UInt16 = 0
    /// The peer wants to use the connection again.
    private var isKept = false
    /// Nothing of the request is left on the connection.
    private var isClean = false
    private var hasSaidGoodbye = false
    private var isUsed = false
    private var hasUnreadInput = false
    private var hasHungUp = false
    /// The peer sends no more.
    private var hasEnded = false
    /// Whoever waits until the socket takes more.
    private var writer: CheckedContinuation<Bool, Never>?

    init(descriptor: Int32, listener: Listener) {
        self.descriptor = descriptor
        self.listener = listener
    }

    /// Reads at once, as most peers have sent their request by now.
    func begin() {
        registration = Registration(descriptor, for: Self.events, self)
        guard registration != nil else {
            listener.report(.descriptorsExhausted)
            return end()
        }
        read()
        if state == .reading { startReadTimer(in: .seconds(listener.limits.readTimeout)) }
    }

    func ready(_ events: Readiness) {
        if events.contains(.hangUp) || events.contains(.failure) {
            hasHungUp = true
            task?.cancel()
            resumeWriter(true)
        } else if events.contains(.writable) {
            resumeWriter(true)
        }
        if !events.isDisjoint(with: [.peerEnded, .hangUp, .failure]) { hasEnded = true }
        switch state {
        case .reading: read()
        case .answering: if events.contains(.readable) { hasUnreadInput = true }
        case .closed: break
        }
    }

    // MARK: Reading

    private func read() {
        let reader = reader ?? RequestReader(descriptor: descriptor, bodyLimit: listener.limits.bodyBytes)
        self.reader = reader
        take(reader.read(isEnded: hasEnded))
    }

    private func take(_ progress: RequestReader.Progress) {
        switch progress {
        case .waiting:
            if isUsed, readTimer == nil, reader?.hasBegun == true {
                startReadTimer(in: .seconds(listener.limits.readTimeout))
            }
        case .closed:
            end()
        case .failed(let error):
            listener.report(error)
            end()
        case .request(let parsed):
            stopReadTimer()
            reader = nil
            (state, isKept, isClean, isUsed) = (.answering, parsed.isKept, parsed.isReadToEnd, true)
            requestID = parsed.id
            task = listener.answer(parsed.request, on: self)
            if hasHungUp { task?.cancel() }
        }
    }

    private func startReadTimer(in time: Duration) {
        readTimer?.cancel()
        readTimer = LoopTimer(at: .now + time) { [self] in
            readTimer = nil
            take(reader?.end(.stalled) ?? .failed(.stalled))
        }
    }

    private func stopReadTimer() {
        readTimer?.cancel()
        readTimer = nil
    }

    // MARK: Draining

    /// A connection that has never had a request has a second to send one. One that is kept between two requests is the
    /// peer's to close: a request may be on its way.
    func drain() {
        if state == .reading, !isUsed { startReadTimer(in: .seconds(1)) }
    }

    /// Closes it if nothing of a request has come.
    func closeIfIdle() {
        if state == .reading, reader?.hasBegun != true { end() }
    }

    // MARK: Replying

    /// Returns when the kernel has taken all of it.
    private func send(_ bytes: [UInt8]) async throws(ResponseError) {
        var sent = 0
        while sent < bytes.count {
            guard state == .answering, !hasHungUp else { throw .peerGone }
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                sent += count
            } else if errno == EAGAIN {
                guard await untilWritable() else { throw .peerStalled }
            } else if errno != EINTR {
                throw .peerGone
            }
        }
    }

    private func untilWritable() async -> Bool {
        registration?.change(to: Self.events.union(.writable))
        let timer = LoopTimer(at: .now + .seconds(listener.limits.writeTimeout)) { [self] in resumeWriter(false) }
        defer {
            timer.cancel()
            if state != .closed { registration?.change(to: Self.events) }
        }
        return await withCheckedContinuation { writer = $0 }
    }

    private func resumeWriter(_ isWritable: Bool) {
        writer?.resume(returning: isWritable)
        writer = nil
    }

    private func complete() {
        task = nil
        guard isKept, !hasSaidGoodbye, !hasEnded else { return end() }
        state = .reading
        if hasUnreadInput {
            hasUnreadInput = false
            read()
        }
    }

    // MARK: The end

    private func end() {
        guard state != .closed else { return }
        state = .closed
        stopReadTimer()
        resumeWriter(false)
        task = nil
        if reader?.hasClosedDescriptor == true {
            registration?.forget()
        } else {
            // A duplicate in a child process would keep the descriptor in the epoll set.
            registration?.cancel()
            discardInput()
            close(descriptor)
        }
        registration = nil
        reader = nil
        listener.forget(self)
    }

    /// Closing a unix socket with unread bytes in it is a reset for the peer, which would lose the reply.
    private func discardInput() {
        withUnsafeTemporaryAllocation(byteCount: 16_384, alignment: 16) { buffer in
            var left = 64
            while left > 0, recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT)) > 0 {
                left -= 1
            }
        }
    }
}

extension Connection: ReplyChannel {
    @LoopActor func deliver(_ head: [UInt8], _ body: [UInt8], isLast: Bool) async throws(ResponseError) {
        var records = ReplyRecords(request: requestID)
        records.append(head, body)
        if isLast {
            hasSaidGoodbye = isKept && (!isClean || listener.saysGoodbye)
            records.end(saysGoodbye: hasSaidGoodbye)
        }
        do {
            try await send(records.bytes)
        } catch {
            // Who wrote need not be the task itself.
            task?.cancel()
            end()
            throw error
        }
        if isLast { complete() }
    }

    nonisolated func abandon() {
        Task { @LoopActor in end() }
    }
}
