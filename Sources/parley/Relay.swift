import Chat
import EventLoop
import Glibc
import Relay

/// Where this worker is found by the others of its pool: by the file of the locks that they have in common, and its number.
struct RelayPlace {
    let name: RelayName
    let worker: Int

    /// - Returns: nil when it has no number.
    init?(_ settings: Settings, _ ids: ExchangeIDGenerator) {
        guard let worker = ids.number() else { return nil }
        var file = stat()
        guard stat(settings.sharedNames.start + "-holders", &file) == 0 else { return nil }
        name = RelayName(pool: String(file.st_dev, radix: 16) + "-" + String(file.st_ino, radix: 16))
        self.worker = worker
    }
}

/// This worker's answers, for the others.
struct Relay {
    private let place: RelayPlace
    private let server: RelayServer

    init(_ place: RelayPlace, _ cache: AnswerCache, _ streams: ResumableStreams) {
        self.place = place
        server = RelayServer { answer in
            switch answer {
            case .call(_, let digest): cache.feed(of: digest).map { .feed($0) }
            case .stream(let id, let owner): streams.stream(id, of: owner).map { .stream($0) }
            }
        }
    }

    /// Whether nobody follows an answer of this worker.
    var isIdle: Bool { server.isIdle }

    /// - Returns: false when other workers cannot ask this one.
    func start() async -> Bool { await server.start(place.name, worker: place.worker) }
}
