internal import CLinux
public import Chat
internal import EventLoop
internal import Glibc
internal import Synchronization

/// Tells other workers the answers that this one is making.
public final class RelayServer: Sendable {
    /// What is under way here.
    public enum Source: Sendable {
        case feed(AnswerFeed)
        case stream(ResumableStream)
    }

    /// The most that are told at once; who comes then has to look into the store.
    static let mostFollowers = 4_096
    /// How long a follower may take to say what it wants, and how long it may take nothing of what it is told.
    private static let patience = Duration.seconds(5)

    private let source: @Sendable (RelayedAnswer) -> Source?
    private let followers = Atomic(0)
    @LoopActor private var registration: Registration?

    /// - Parameter source: finds what a follower wants, if it may know of it.
    public init(_ source: @escaping @Sendable (RelayedAnswer) -> Source?) { self.source = source }

    /// Whether nobody follows anything.
    public var isIdle: Bool { followers.load(ordering: .relaxed) == 0 }

    /// Listens from now on, to the end of the process.
    ///
    /// - Returns: false when that cannot be.
    @LoopActor public func start(_ name: RelayName, worker: Int) -> Bool {
        let descriptor = clinux_abstract_socket(name.socket(of: worker), 1)
        guard descriptor >= 0 else { return false }
        registration = Registration(descriptor, for: .readable, Door(self, descriptor))
        if registration == nil { close(descriptor) }
        return registration != nil
    }

    @LoopActor fileprivate func accept(from listener: Int32) {
        for _ in 0..<16 {
            let descriptor = clinux_accept(listener)
            guard descriptor >= 0 else { return }
            guard followers.load(ordering: .relaxed) < Self.mostFollowers, clinux_is_own_peer(descriptor) != 0 else {
                close(descriptor)
                continue
            }
            followers.add(1, ordering: .relaxed)
            let hangUp = HangUp()
            let socket = RelaySocket(descriptor) { hangUp.task?.cancel() }
            hangUp.task = LoopActor.start {
                // Whatever goes wrong, the follower finds that the connection has ended.
                try? await self.serve(socket)
                socket.close()
                self.followers.subtract(1, ordering: .relaxed)
            }
        }
    }

    @LoopActor private func serve(_ socket: RelaySocket) async throws {
        var bytes: [UInt8] = []
        let deadline = ContinuousClock.now + Self.patience
        while bytes.count < RelayRequest.size {
            let more = try await socket.receive(by: deadline)
            if more.isEmpty { return }
            bytes += more
        }
        guard let request = RelayRequest(bytes) else { return }
        let end: RelayEnd
        switch source(request.answer) {
        case .feed(let feed): end = try await tell(socket, feed, from: request.offset)
        case .stream(let stream) where request.isStop:
            stream.stop()
            end = .over
        case .stream(let stream): end = try await tell(socket, stream, from: request.offset)
        case nil: end = .unknown
        }
        try await Self.send([.end(end)], to: socket)
    }

    @LoopActor private func tell(_ socket: RelaySocket, _ feed: AnswerFeed, from offset: Int) async throws -> RelayEnd {
        guard var follower = feed.follow(from: offset) else { return .noSuchPlace }
        defer { feed.leave(follower) }
        while let news = await feed.next(&follower) {
            try await Self.send(news.deltas.map(RelayFrame.delta), to: socket)
        }
        try Task.checkCancellation()
        return .over
    }

    @LoopActor private func tell(_ socket: RelaySocket, _ stream: ResumableStream, from offset: Int) async throws
        -> RelayEnd
    {
        let ending = try await stream.follow(from: offset) { event, _ in
            switch event {
            case .asked(let place): try await Self.send([.place(place)], to: socket)
            case .admitted: try await Self.send([.admitted], to: socket)
            case .deltas(let deltas, _): try await Self.send(deltas.map(RelayFrame.delta), to: socket)
            }
        }
        switch ending?.result {
        case .success: return .over
        case .failure: return stream.isStopped ? .stopped : .failed
        case nil: return .noSuchPlace
        }
    }

    @LoopActor private static func send(_ frames: [RelayFrame], to socket: RelaySocket) async throws {
        try await socket.send(frames.flatMap(\.bytes), by: .now + patience)
    }
}

/// Ends the task that tells a follower who is gone.
@LoopActor private final class HangUp {
    var task: Task<Void, Never>?
}

/// Hears of the listening socket.
private final class Door: DescriptorHandler {
    private let server: RelayServer
    private let descriptor: Int32

    init(_ server: RelayServer, _ descriptor: Int32) {
        self.server = server
        self.descriptor = descriptor
    }

    func ready(_ events: Readiness) { server.accept(from: descriptor) }
}
