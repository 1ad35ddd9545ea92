internal import CCurl
internal import EventLoop

/// The multi handles of a client and their transfers.
///
/// What a turn costs depends on how many transfers something happened to, not on how many there are.
@LoopActor final class Driver {
    private struct Running {
        let handle: EasyHandle
        let multi: Multi
    }

    /// How long the connections that a burst has left behind are kept for the next one.
    private static let afterBurst = Duration.seconds(60)

    private let share: Share
    private let configuration: CurlClient.Configuration
    /// Filled from the front, so that connections are shared and the last handles are needed in a burst only.
    private var multis: [Multi] = []
    private var active: [ObjectIdentifier: Running] = [:]
    /// Paused transfers whose reader has caught up; libcurl may not be called from its own callbacks.
    private var resumed: [TransferState] = []
    private var retirement: LoopTimer?
    let gathering = Gathering()

    /// Call it once libcurl is loaded.
    ///
    /// - Throws: ``CurlError`` of kind `.unreachable` when libcurl has no memory.
    init(_ configuration: CurlClient.Configuration) throws(CurlError) {
        share = try Share()
        self.configuration = configuration
    }

    /// Ends every transfer and closes every connection. Call it once.
    func close() {
        for running in active.values {
            let state = running.handle.state
            remove(state)
            state.finish(.failure(CurlError(.cancelled, "the client is gone")))
        }
        retirement?.cancel()
        for multi in multis { multi.close() }
        multis = []
    }

    func start(_ request: HTTPRequest, deadline: ContinuousClock.Instant) throws(CurlError) -> TransferState {
        let multi: Multi
        if let free = multis.first(where: { !$0.isFull }) {
            multi = free
        } else {
            multi = try Multi(gathering) { [unowned self] in reap($0) }
            multis.append(multi)
        }
        let state = TransferState(configuration, driver: self, deadline: deadline)
        let handle = try EasyHandle(request, for: state, configuration, share)
        active[ObjectIdentifier(state)] = Running(handle: handle, multi: multi)
        multi.add(handle.easy)
        return state
    }

    /// Lets a paused transfer go on.
    func resume(_ state: TransferState) {
        resumed.append(state)
        if resumed.count == 1 { Task { resumeAll() } }
    }

    private func resumeAll() {
        let states = resumed
        resumed = []
        for state in states {
            guard let running = active[ObjectIdentifier(state)] else { continue }
            // It sets libcurl's timer, and the next look at that reads the socket.
            ccurl_easy_pause(running.handle.easy, CURLPAUSE_CONT)
            // What it had held back was too much: libcurl says so to nobody else.
            if state.isOver { remove(state) }
        }
    }

    /// Ends the transfers that libcurl has finished.
    private func reap(_ multi: Multi) {
        while let (easy, code) = multi.nextEnded() {
            guard let state = EasyHandle.state(of: easy) else { continue }
            let handle = active[ObjectIdentifier(state)]?.handle
            let result = handle?.result(code)
            if configuration.wantsCertificate { state.certificateEnd = handle?.certificateEnd }
            remove(state)
            if let result, !state.isOver { state.finish(result) }
        }
    }

    /// Not from libcurl's callbacks.
    func remove(_ state: TransferState) {
        guard let running = active.removeValue(forKey: ObjectIdentifier(state)) else { return }
        running.multi.remove(running.handle.easy)
        running.handle.close()
        if multis.count > 1, retirement == nil { retire() }
    }

    /// Closes the last handle, with its connections, when no transfer has needed it for long.
    private func retire() {
        while multis.count > 1, let last = multis.last, let emptySince = last.emptySince,
            emptySince + Self.afterBurst <= .now
        {
            multis.removeLast()
            last.close()
        }
        guard multis.count > 1 else { return }
        let next = (multis.last?.emptySince ?? .now) + Self.afterBurst
        retirement = LoopTimer(at: next) { [weak self] in
            self?.retirement = nil
            self?.retire()
        }
    }
}
