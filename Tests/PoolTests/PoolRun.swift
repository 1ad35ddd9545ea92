import Glibc
import Pool
import Synchronization

/// A supervisor on a thread of its own, in a folder of its own, with a shell script as its worker.
final class PoolRun: Sendable {
    /// Says that it serves. Ends when its supervisor does, however that goes, and on SIGTERM at once.
    static let obedient = "echo $$ >&4; exec cat <&3"
    /// Ignores SIGTERM, from when it is ready.
    static let stubborn = "trap '' TERM; printf x >$FOLDER/ready; \(obedient)"

    let folder: String
    let path: String
    private let events: AsyncStream<PoolEvent>
    private let ended: AsyncStream<Result<Int32, any Error>>
    private let readiness: Int32
    private let thread = Mutex<pthread_t?>(nil)

    init(
        _ script: String = obedient, workers: Int = 1, drainDeadline: Double = 60, executable: String = "/bin/sh",
        folder: String? = nil, change: (inout PoolConfiguration) -> Void = { _ in }
    ) {
        let folder = folder ?? Self.makeFolder()
        self.folder = folder
        path = folder + "/socket"
        mkfifo(folder + "/ready", 0o600)
        // Open for both, so that it never ends.
        readiness = open(folder + "/ready", O_RDWR | O_CLOEXEC)
        let (events, report) = AsyncStream.makeStream(of: PoolEvent.self)
        let (ended, end) = AsyncStream.makeStream(of: Result<Int32, any Error>.self)
        self.events = events
        self.ended = ended
        var configuration = PoolConfiguration(
            executable: executable, arguments: ["-c", script],
            environment: ["PATH": "/usr/bin:/bin", "FOLDER": folder],
            socketPath: path, workers: workers)
        configuration.drainDeadline = drainDeadline
        change(&configuration)
        Self.detach { [self, configuration] in
            thread.withLock { $0 = pthread_self() }
            let supervisor = Supervisor(configuration) { report.yield($0) }
            end.yield(Result { try supervisor.run() })
            report.finish()
            end.finish()
        }
    }

    static func makeFolder() -> String {
        var template = Array("/tmp/pool-tests.XXXXXX".utf8CString)
        return String(cString: mkdtemp(&template))
    }

    static func detach(_ body: @escaping @Sendable () -> Void) {
        final class Box: Sendable {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { pointer in
                Unmanaged<Box>.fromOpaque(pointer!).takeRetainedValue().body()
                return nil
            }, Unmanaged.passRetained(Box(body)).toOpaque())
        pthread_detach(thread)
    }

    /// Waits for the next event that `match` takes.
    func next<Value>(_ match: (PoolEvent) -> Value?) async -> Value? {
        for await event in events {
            if let value = match(event) { return value }
        }
        return nil
    }

    func nextStart() async -> pid_t? {
        await next { if case .workerStarted(_, let pid) = $0 { pid } else { nil } }
    }

    func nextReady() async -> pid_t? {
        await next { if case .workerReady(_, let pid, _) = $0 { pid } else { nil } }
    }

    var status: PoolStatus? {
        get throws { try PoolStatus.read(board: PoolConfiguration.boardPath(socketPath: path)) }
    }

    func nextEnding() async -> PoolEvent.Ending? {
        await next { if case .workerEnded(_, _, let how) = $0 { how } else { nil } }
    }

    func nextDelay() async -> Double? {
        await next { if case .respawning(_, let seconds) = $0 { seconds } else { nil } }
    }

    /// Waits until a worker's script has written a byte into `$FOLDER/ready`, or for 20 s.
    func ready() async {
        await withCheckedContinuation { continuation in
            Self.detach { [readiness] in
                var interest = pollfd(fd: readiness, events: Int16(POLLIN), revents: 0)
                var byte: UInt8 = 0
                if poll(&interest, 1, 20_000) > 0 { _ = read(readiness, &byte, 1) }
                continuation.resume()
            }
        }
    }

    /// Sends the supervisor's thread a signal; only after its first event, when it waits for them.
    func signal(_ signal: Int32) {
        thread.withLock { if let thread = $0 { _ = pthread_kill(thread, signal) } }
    }

    /// What `run` returned or threw.
    func result() async -> Result<Int32, any Error>? {
        var iterator = ended.makeAsyncIterator()
        return await iterator.next()
    }

    /// - Parameter more: what else the script has left there.
    func removeFolder(with more: String...) {
        close(readiness)
        for name in more { remove(folder + "/" + name) }
        unlink(folder + "/ready")
        unlink(path)
        unlink(PoolConfiguration.boardPath(socketPath: path))
        rmdir(folder)
    }
}
