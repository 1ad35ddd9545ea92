import Glibc
import Testing

@testable import FastCGI

@Suite(.timeLimit(.minutes(1))) struct CGITests {
    private static func pipe() -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        Glibc.pipe(&ends)
        return (ends[0], ends[1])
    }

    private static func readAll(_ descriptor: Int32) -> String {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while case let count = read(descriptor, &piece, piece.count), count > 0 { bytes += piece.prefix(count) }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func run(
        _ parameters: [(String, String)], input: [UInt8], keepsInputOpen: Bool = false,
        answer: @escaping Server.Answer = Server.describe
    ) async throws -> (code: Int32, output: String) {
        let (stdin, feed) = Self.pipe()
        let (drain, stdout) = Self.pipe()
        if !input.isEmpty { #expect(write(feed, input, input.count) == input.count) }
        if !keepsInputOpen { close(feed) }
        async let output = blocking { Self.readAll(drain) }
        let code = await CGI.respond(
            parameters: Parameters(parameters), input: stdin, output: stdout, with: Server.Closure(answer: answer),
            limits: Limits(bodyBytes: 100, readTimeout: 0.3))
        for descriptor in [stdin, stdout] + (keepsInputOpen ? [feed] : []) { close(descriptor) }
        defer { close(drain) }
        return (code, try await output)
    }

    @Test func answersAGet() async throws {
        let (code, output) = try await run(
            [
                ("REQUEST_METHOD", "GET"), ("SCRIPT_NAME", "/chat"), ("PATH_INFO", "/history"),
                ("QUERY_STRING", "limit=1"),
            ],
            input: [], keepsInputOpen: true)
        #expect(code == 0)
        #expect(
            output
                == """
                Status: 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 40\r\n\r\n\
                GET /chat/history limit=1 complete 0 0
                """.replacing("40", with: "38"))
    }

    @Test func readsTheBodyButNoFurther() async throws {
        let (code, output) = try await run(
            [("REQUEST_METHOD", "POST"), ("CONTENT_LENGTH", "2")], input: [0, 1, 2, 3], keepsInputOpen: true)
        #expect(code == 0 && output.hasSuffix("complete 2 1"))
    }

    @Test(arguments: [false, true])
    func announcesATruncatedBody(stalls: Bool) async throws {
        let (code, output) = try await run(
            [("REQUEST_METHOD", "POST"), ("CONTENT_LENGTH", "9")], input: [1, 2, 3], keepsInputOpen: stalls)
        #expect(code == 0 && output.hasSuffix("truncated 9 3"))
    }

    @Test(arguments: [("x", "invalidLength"), ("101", "tooLarge 100")])
    func refusesTheBody(length: String, outcome: String) async throws {
        let (code, output) = try await run([("CONTENT_LENGTH", length)], input: [])
        #expect(code == 0 && output.hasSuffix(outcome))
    }

    /// Closing a socket with something unread would take the reply away: Apache's mod_cgid talks through one.
    @Test func takesABodyThatItRefuses() async throws {
        var ends: [Int32] = [-1, -1]
        #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        let (server, program) = (ends[0], ends[1])
        defer { close(server) }
        let body = [UInt8](repeating: 32, count: 70_000)
        #expect(write(server, body, body.count) == body.count)
        let code = await CGI.respond(
            parameters: Parameters([("CONTENT_LENGTH", "70000")]), input: program, output: program,
            with: Server.Closure(answer: Server.describe), limits: Limits(bodyBytes: 100, readTimeout: 5))
        close(program)
        #expect(code == 0)
        #expect(Self.readAll(server).hasSuffix("tooLarge 100"))
    }

    @Test func answersForAResponderThatForgets() async throws {
        let (code, output) = try await run([("REQUEST_METHOD", "GET")], input: [], answer: { _, _ in })
        #expect(code == 0 && output.hasPrefix("Status: 500 Internal Server Error\r\n") && output.hasSuffix("no answer"))
    }

    @Test func failsWhenNobodyTakesTheReply() async throws {
        Signals.ignoreBrokenPipes()
        let (drain, stdout) = Self.pipe()
        close(drain)
        let code = await CGI.respond(
            parameters: Parameters([]), input: 0, output: stdout, with: Server.Closure(answer: Server.describe),
            limits: Limits())
        close(stdout)
        #expect(code == 1)
    }

    @Test func knowsHowTheProcessWasStarted() throws {
        let listening = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listening) }
        #expect(Mode.detect(descriptor: listening, isCGI: false) == .none, "bound to nothing, listening to nobody")
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        _ = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(listening, $0, socklen_t(2)) }
        }
        #expect(listen(listening, 1) == 0)
        #expect(Mode.detect(descriptor: listening, isCGI: true) == .worker)
        let (input, feed) = Self.pipe()
        defer { for end in [input, feed] { close(end) } }
        #expect(Mode.detect(descriptor: input, isCGI: true) == .cgi)
        #expect(Mode.detect(descriptor: input, isCGI: false) == .none)
    }
}
