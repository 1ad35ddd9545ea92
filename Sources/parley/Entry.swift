import ArgumentParser
import Dispatch
import FastCGI
import Glibc
import Synchronization

/// One program, three ways in.
///
///     descriptor 0 listens    → a FastCGI worker: under `parley serve`, spawn-fcgi or systemd
///     a CGI environment       → one request from the environment, then exit
///     anything else           → the command line: serve, status, migrate, config, check, openapi, version
///
/// A CGI server may turn the query string into arguments (RFC 3875 §4.4), so in a CGI environment they are not looked
/// at.
///
/// `main` is synchronous: the signals that a process waits for must be blocked before it has a second thread.
@main
enum Entry {
    static func main() {
        umask(0o027)  // what it writes holds people's messages
        // It would write a line to the log for each thread whose priority an ordinary user may not raise.
        setenv("LIBDISPATCH_LOG", "NO", 0)
        switch Mode.detect() {
        case .worker where CommandLine.arguments.count == 1:
            Signals.block(Worker.signals)
            ProcessEnvironment.takeName("parley")
            wait { await Worker.run() }
        case .cgi:
            wait { await Worker.runCGI() }
        default:
            StandardOutput.watch()
            Parley.main()
        }
    }
}

/// Asynchronous work was not done in time.
struct TookTooLong: Error {}

/// Holds this thread until asynchronous work is done.
///
/// - Parameter limit: throws ``TookTooLong`` after that time, and lets the work go on; nil for never.
func wait<Value: Sendable>(
    atMost limit: Duration? = nil, for work: @escaping @Sendable () async throws -> Value
) throws -> Value {
    let done = DispatchSemaphore(value: 0)
    let result = Mutex<Result<Value, any Error>?>(nil)
    Task {
        let outcome: Result<Value, any Error>
        do { outcome = .success(try await work()) } catch { outcome = .failure(error) }
        result.withLock { $0 = outcome }
        done.signal()
    }
    let deadline = limit.map { DispatchTime.now() + ($0 / .seconds(1)) } ?? .distantFuture
    guard done.wait(timeout: deadline) == .success else { throw TookTooLong() }
    return try result.withLock { $0! }.get()
}

/// Runs work that ends the process itself. Not `dispatchMain()`: that suspends with every signal unblocked.
private func wait(for work: @escaping @Sendable () async -> Never) -> Never {
    Task { await work() }
    let never = DispatchSemaphore(value: 0)
    while true { never.wait() }
}

struct Parley: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "parley", abstract: "A chat API server between users and a language model.",
        discussion: """
            Settings come from --set NAME=VALUE, the environment (CHAT_…), a settings file (CHAT_ENV_FILE, else .env \
            in the working folder) and defaults, in that order. `parley config` shows what they come to.
            """,
        version: Version.text,
        subcommands: [
            Serve.self, Status.self, Sessions.self, Key.self, Secret.self, Usage.self, Migrate.self, Backup.self,
            Restore.self,
            Purge.self, Outbox.self,
            Config.self,
            Check.self, OpenAPI.self, Version.self,
        ])
}

struct Version: ParsableCommand {
    static let text = "0.1.0"
    static let configuration = CommandConfiguration(abstract: "Prints the version.")

    func run() { print("parley \(Self.text)") }
}

/// What every subcommand that needs settings takes.
struct SettingOptions: ParsableArguments {
    @Option(name: .customLong("set"), help: "A setting, before every other source. May be repeated.")
    var overrides: [String] = []

    @Option(name: .customLong("env-file"), help: "A file of NAME=VALUE lines.")
    var file: String?

    /// - Parameter ignoresUnknown: whether names that no setting has are let through.
    func sources(ignoresUnknown: Bool = false) throws -> SettingSources {
        try SettingSources(
            overrides: overrides, environment: ProcessEnvironment.all, file: file, ignoresUnknown: ignoresUnknown)
    }

    func settings() throws -> Settings { try Settings(sources(), cores: ProcessEnvironment.cores) }
}
