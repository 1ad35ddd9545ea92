import Foundation
import Synchronization

/// A program that runs beside the test. What it writes is kept, and can be waited for.
final class RunningProcess: Sendable {
    let pid: pid_t
    // Foundation's Process is not Sendable; only its exit is waited for here, from one place at a time.
    private let ended: Task<Int32, Never>
    private let standardOutput = Transcript()
    private let standardError = Transcript()

    struct Ended: Error, CustomStringConvertible {
        let description: String
    }

    init(_ path: String, _ arguments: [String] = [], environment: [String: String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = standardOutput.pipe
        process.standardError = standardError.pipe
        let (codes, continuation) = AsyncStream.makeStream(of: Int32.self)
        process.terminationHandler = { process in
            continuation.yield(process.terminationStatus)
            continuation.finish()
        }
        try process.run()
        pid = process.processIdentifier
        standardOutput.collect()
        standardError.collect()
        ended = Task {
            for await code in codes { return code }
            return -1
        }
    }

    var errors: String { standardError.text }

    func signal(_ signal: Int32) { kill(pid, signal) }

    func end() async -> Int32 { await ended.value }

    func waitBlocking() {
        let done = DispatchSemaphore(value: 0)
        let ended = ended
        Task {
            _ = await ended.value
            done.signal()
        }
        done.wait()
    }

    /// Waits until standard output has the text.
    ///
    /// - Returns: everything until then.
    func output(until text: String) async throws -> String {
        guard let found = await standardOutput.wait(until: { $0.contains(text) }) else {
            throw Ended(description: "ended before it said “\(text)”: \(standardOutput.text)\(standardError.text)")
        }
        return found
    }

    func errors(until fits: @escaping @Sendable (String) -> Bool) async throws {
        guard await standardError.wait(until: fits) != nil else {
            throw Ended(description: "ended before it logged that: \(standardError.text)")
        }
    }
}

/// What came out of a pipe, growing until its last writer is gone.
private final class Transcript: Sendable {
    private struct State {
        var bytes = Data()
        var isComplete = false
        var waiters: [(fits: @Sendable (String) -> Bool, continuation: CheckedContinuation<String?, Never>)] = []
    }

    let pipe = Pipe()
    private let state = Mutex(State())

    var text: String { state.withLock { String(decoding: $0.bytes, as: UTF8.self) } }

    func collect() {
        let descriptor = dup(pipe.fileHandleForReading.fileDescriptor)
        Thread.detachNewThread { [self] in
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = read(descriptor, &buffer, buffer.count)
                if count < 0, errno == EINTR { continue }
                add(buffer.prefix(max(0, count)), isLast: count <= 0)
                if count <= 0 { break }
            }
            close(descriptor)
        }
    }

    private func add(_ bytes: ArraySlice<UInt8>, isLast: Bool) {
        let ready = state.withLock { state in
            state.bytes.append(contentsOf: bytes)
            state.isComplete = isLast
            let text = String(decoding: state.bytes, as: UTF8.self)
            let ready = state.waiters.filter { isLast || $0.fits(text) }.map { ($0.continuation, $0.fits(text)) }
            state.waiters.removeAll { isLast || $0.fits(text) }
            return ready.map { ($0.0, $0.1 ? text : nil) }
        }
        for (continuation, text) in ready { continuation.resume(returning: text) }
    }

    /// - Returns: the text that fits; nil when the last writer went first.
    func wait(until fits: @escaping @Sendable (String) -> Bool) async -> String? {
        await withCheckedContinuation { continuation in
            let now: String?? = state.withLock { state in
                let text = String(decoding: state.bytes, as: UTF8.self)
                if fits(text) { return .some(text) }
                if state.isComplete { return .some(nil) }
                state.waiters.append((fits, continuation))
                return nil
            }
            if let now { continuation.resume(returning: now) }
        }
    }
}

/// Runs a program to its end.
///
/// - Returns: its exit code and what it wrote.
func run(
    _ path: String, _ arguments: [String] = [], input: Data = Data(), environment: [String: String]? = nil
) async throws -> (code: Int32, output: String, errors: String) {
    // A program that does not read its input to the end is no reason for the tests to end.
    signal(SIGPIPE, SIG_IGN)
    return try await withCheckedThrowingContinuation { continuation in
        Thread.detachNewThread {
            do {
                let process = Process()
                process.executableURL = URL(fileURLWithPath: path)
                process.arguments = arguments
                if let environment { process.environment = environment }
                let (stdin, stdout, stderr) = (Pipe(), Pipe(), Pipe())
                process.standardInput = stdin
                process.standardOutput = stdout
                process.standardError = stderr
                try process.run()
                let errors = Mutex(Data())
                let collected = DispatchSemaphore(value: 0)
                let errorHandle = stderr.fileHandleForReading
                Thread.detachNewThread {
                    let data = errorHandle.readDataToEndOfFile()
                    errors.withLock { $0 = data }
                    collected.signal()
                }
                try? stdin.fileHandleForWriting.write(contentsOf: input)
                try? stdin.fileHandleForWriting.close()
                let output = stdout.fileHandleForReading.readDataToEndOfFile()
                collected.wait()
                process.waitUntilExit()
                continuation.resume(
                    returning: (
                        process.terminationStatus, String(decoding: output, as: UTF8.self),
                        String(decoding: errors.withLock { $0 }, as: UTF8.self)
                    ))
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }
}
