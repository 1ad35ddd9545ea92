import Foundation
import Testing

@testable import parley

/// `parley status --watch`, on a terminal and elsewhere.
@Suite(.timeLimit(.minutes(1))) struct StatusWatchTests {
    private func environment(_ run: Deployment) throws -> [String: String] {
        [
            "PATH": "/usr/bin:/bin", "TERM": "xterm", "CHAT_JWT_SECRET": try run.secret("CHAT_JWT_SECRET"),
            "CHAT_DATABASE_URL": "sqlite:\(run.folder)/parley.sqlite", "CHAT_SOCKET": run.socket, "CHAT_ENV_FILE": "",
        ]
    }

    @Test func writesALineASecondWhereThereIsNoTerminal() async throws {
        let run = try await Deployment()
        let token = try await run.logIn()
        let watch = try RunningProcess(Program.path, ["status", "--watch"], environment: try environment(run))
        defer { watch.signal(SIGKILL) }
        _ = try await watch.output(until: "workers 2 of 2, providers: echo closed")
        for _ in 0..<2 { _ = try await run.post("/chat", token: token, ["content": "the same"]) }
        let seen = try await watch.output(until: "from the cache 50 %")
        #expect(!seen.contains("\u{1B}") && seen.contains(" ms, p99 "), "\(seen)")
        watch.signal(SIGINT)
        #expect(await watch.end() == 0)
    }

    @Test func saysWhyThereAreNoRatesAndShowsThemWithoutAPool() async throws {
        let run = try await Deployment()
        func line(_ settings: [String: String], until fits: @escaping @Sendable (String) -> Bool) async throws {
            let watch = try RunningProcess(
                Program.path, ["status", "--watch"], environment: try environment(run).merging(settings) { $1 })
            defer { watch.signal(SIGKILL) }
            _ = try await watch.output(until: "such a line") { $0.split(separator: "\n").contains { fits(String($0)) } }
        }
        // As where another server starts the program.
        try await line(["CHAT_SOCKET": run.folder + "/none"]) {
            $0.contains(" requests a second ") && $0.contains(". No pool runs on \(run.folder)/none.")
        }
        // A mistake in the settings must not hide the pool.
        try await line(["CHAT_STATE_DIR": run.folder + "/none"]) {
            $0.contains("counters cannot be read: CHAT_STATE_DIR") && $0.contains(", workers 2 of 2")
        }
        let watch = try RunningProcess(Program.path, ["status", "--watch"], environment: try environment(run))
        defer { watch.signal(SIGKILL) }
        _ = try await watch.output(until: "from the cache –, in flight 0, workers 2 of 2")
        // Put in its place: whoever has the other one open goes on with it.
        try "no counters".write(toFile: run.folder + "/parley.sqlite-metrics", atomically: true, encoding: .utf8)
        _ = try await watch.output(until: "-metrics is not a board of this version, in flight 0, workers 2 of 2")
    }

    /// util-linux's script gives it a terminal, of no size until stty gives it one.
    @Test func drawsAPageOnATerminalAndPutsItBack() async throws {
        let run = try await Deployment()
        let watch = try RunningProcess(
            "/usr/bin/script",
            [
                "--quiet", "--echo", "never", "--command",
                "stty echo rows 4 cols 80; \(Program.path) status --watch; stty -a", "/dev/null",
            ],
            environment: try environment(run))
        defer { watch.signal(SIGKILL) }
        let begun = try await watch.output(until: "a second page") { $0.matches(of: /\u{1B}\[H/).count > 1 }
        let page = try #require(begun.components(separatedBy: "\u{1B}[H").dropFirst().first)
        let lines = page.components(separatedBy: "\u{1B}[J")[0].components(separatedBy: "\r\n")
        #expect(lines.count == 4 && lines.allSatisfy { $0.replacing(/\u{1B}\[K|\r/, with: "").count <= 80 }, "\(lines)")
        #expect(lines[1].contains("p99 ") && lines[1].contains("from the cache "))
        watch.send(Data("q".utf8))
        let end = await watch.everything().output
        #expect(end.contains("\u{1B}[?25h\u{1B}[?1049l") && end.contains(" icanon") && end.contains(" echo "), "\(end)")
    }

    @Test func findsAQuantileWithinItsBucket() {
        let bounds = [0.1, 1.0]
        #expect(LiveRates.quantile(0.5, [0, 0, 0], bounds) == nil)
        #expect(LiveRates.quantile(0.5, [10, 0, 0], bounds) == 0.05)
        #expect(LiveRates.quantile(0.75, [1, 1, 0], bounds) == 0.55)
        #expect(LiveRates.quantile(0.99, [1, 0, 9], bounds) == 1)
    }
}
