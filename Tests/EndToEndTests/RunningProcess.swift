import Foundation
import Synchronization

/// A program that runs beside the test. What it writes is kept, and can be waited for.
final class RunningProcess: Sendable {
    let pid: pid_t
    private let input: FileHandle
    private let output: Transcript
    private let error: Transcript
    private let exitCode = Kept()
    private let ended = DispatchGroup()

    struct Ended: Error, CustomStringConvertible {
        let description: String
    }

    init(_ path: String, _ arguments: [String] = [], environment: [String: String]) throws {
        // A program that does not read its input to the end is no reason for the tests to end.
        Glibc.signal(SIGPIPE, SIG_IGN)
        let (pid, input, output, error) = try starting.withLock { _ in
            let (input, output, error) = (try PipeEnds(), try PipeEnds(), try PipeEnds())
            let ends = [input.reading, output.writing, error.writing]
            defer { for end in ends { close(end) } }
            let environment = environment.merging(coverageEnvironment) { own, _ in own }
            return (try spawn([path] + arguments, environment, descriptors: ends), input, output, error)
        }
        self.pid = pid
        self.input = FileHandle(fileDescriptor: input.writing, closeOnDealloc: true)
        self.output = Transcript(output.reading)
        self.error = Transcript(error.reading)
        ended.enter()
        Thread.detachNewThread { [pid, ended, exitCode] in
            var status: Int32 = 0
            while waitpid(pid, &status, 0) < 0, errno == EINTR {}
            let signal = status & 0x7F
            exitCode.value.withLock { $0 = signal == 0 ? (status >> 8) & 0xFF : -signal }
            ended.leave()
        }
    }

    var errors: String { error.text }

    func signal(_ signal: Int32) { kill(pid, signal) }

    /// Gives the program its whole standard input.
    func send(_ data: Data) {
        try? input.write(contentsOf: data)
        try? input.close()
    }

    /// Waits for the end, which is forced after two minutes: longer than any process of a test has to finish.
    ///
    /// - Returns: the exit code; a signal's number below zero.
    func end() async -> Int32 {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { [self] in
                waitBlocking()
                continuation.resume()
            }
        }
        return exitCode.value.withLock { $0 }
    }

    /// For a deinitializer, which cannot suspend.
    func waitBlocking() {
        guard ended.wait(timeout: .now() + .seconds(120)) == .timedOut else { return }
        kill(pid, SIGKILL)
        ended.wait()
    }

    /// Waits until standard output has the text, for a minute and a half at most.
    ///
    /// - Returns: everything until then.
    func output(until text: String) async throws -> String {
        try await output(until: "“\(text)”") { $0.contains(text) }
    }

    /// - Parameter what: for the message when it does not come.
    func output(until what: String, fits: @escaping @Sendable (String) -> Bool) async throws -> String {
        guard let found = await output.wait(until: fits) else {
            // Its last words are on another pipe, whose end may not have been read yet.
            _ = await error.wait(atMost: .seconds(5)) { _ in false }
            throw Ended(description: "ended, or was silent, before it said \(what): \(output.text)\(error.text)")
        }
        return found
    }

    func errors(until fits: @escaping @Sendable (String) -> Bool) async throws {
        guard await error.wait(until: fits) != nil else {
            throw Ended(description: "ended, or was silent, before it logged that: \(error.text)")
        }
    }

    /// - Returns: all that it writes until both of its outputs are closed; it has fifteen minutes.
    func everything() async -> (output: String, errors: String) { (await output.all(), await error.all()) }
}

/// Runs a program to its end.
///
/// - Returns: its exit code and what it wrote.
func run(
    _ path: String, _ arguments: [String] = [], input: Data = Data(), environment: [String: String]? = nil
) async throws -> (code: Int32, output: String, errors: String) {
    let process = try RunningProcess(
        path, arguments, environment: environment ?? ProcessInfo.processInfo.environment)
    process.send(input)
    let (output, errors) = await process.everything()
    return (await process.end(), output, errors)
}

private final class Kept: Sendable {
    let value = Mutex<Int32>(-1)
}

/// Where a build that counts lines has its counters: for programs that are given nothing else of this environment.
let coverageEnvironment = ProcessInfo.processInfo.environment.filter { $0.key == "LLVM_PROFILE_FILE" }

/// One start at a time: a program started between the making of a pipe and its marking would inherit it.
private let starting = Mutex(())

/// Both ends of a pipe; no other program inherits them.
private struct PipeEnds {
    let reading: Int32
    let writing: Int32

    init() throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw POSIXError(.EMFILE) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (reading, writing) = (ends[0], ends[1])
    }
}

/// Starts a program with no signal blocked or ignored: Foundation's Process hands on the mask of the thread that it is
/// called on, and Swift's threads block SIGTERM.
private func spawn(_ arguments: [String], _ environment: [String: String], descriptors: [Int32]) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (number, descriptor) in descriptors.enumerated() {
        posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(number))
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

    let argv = arguments.map { strdup($0) } + [nil]
    let envp = environment.map { strdup("\($0)=\($1)") } + [nil]
    defer { for text in argv + envp { free(text) } }
    var pid: pid_t = 0
    let code = posix_spawn(&pid, arguments[0], &actions, &attributes, argv, envp)
    guard code == 0 else {
        throw RunningProcess.Ended(description: "\(arguments[0]): \(String(cString: strerror(code)))")
    }
    return pid
}

/// What comes out of a pipe, growing until its last writer is gone.
private final class Transcript: Sendable {
    private struct State {
        var bytes = Data()
        var isComplete = false
        var waiters: [Int: Waiter] = [:]
        var nextWaiter = 0
    }

    private struct Waiter {
        let fits: @Sendable (String) -> Bool
        let continuation: CheckedContinuation<String?, Never>
    }

    private let state: Kept

    private final class Kept: Sendable {
        let state = Mutex(State())
    }

    init(_ descriptor: Int32) {
        let kept = Kept()
        state = kept
        Thread.detachNewThread {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = read(descriptor, &buffer, buffer.count)
                if count < 0, errno == EINTR { continue }
                Self.add(buffer.prefix(max(0, count)), isLast: count <= 0, to: kept)
                if count <= 0 { break }
            }
            close(descriptor)
        }
    }

    var text: String { state.state.withLock { String(decoding: $0.bytes, as: UTF8.self) } }

    private static func add(_ bytes: ArraySlice<UInt8>, isLast: Bool, to kept: Kept) {
        let ready = kept.state.withLock { state -> [(CheckedContinuation<String?, Never>, String?)] in
            state.bytes.append(contentsOf: bytes)
            state.isComplete = isLast
            let text = String(decoding: state.bytes, as: UTF8.self)
            var done: [(CheckedContinuation<String?, Never>, String?)] = []
            for (number, waiter) in state.waiters {
                let isFound = waiter.fits(text)
                guard isFound || isLast else { continue }
                state.waiters[number] = nil
                done.append((waiter.continuation, isFound ? text : nil))
            }
            return done
        }
        for (continuation, text) in ready { continuation.resume(returning: text) }
    }

    /// - Returns: the text that fits; nil when the last writer went first, or the time was over.
    func wait(
        atMost limit: Duration = .seconds(90), until fits: @escaping @Sendable (String) -> Bool
    ) async -> String? {
        let number = state.state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        let alarm = Task { [state] in
            try await Task.sleep(for: limit)
            state.state.withLock { $0.waiters.removeValue(forKey: number) }?.continuation.resume(returning: nil)
        }
        defer { alarm.cancel() }
        return await withCheckedContinuation { continuation in
            let now: String?? = state.state.withLock { state in
                let text = String(decoding: state.bytes, as: UTF8.self)
                if fits(text) { return .some(text) }
                if state.isComplete { return .some(nil) }
                state.waiters[number] = Waiter(fits: fits, continuation: continuation)
                return nil
            }
            if let now { continuation.resume(returning: now) }
        }
    }

    func all() async -> String {
        _ = await wait(atMost: .seconds(900)) { _ in false }
        return text
    }
}
