import Foundation
import Testing

/// nginx keeps what users write, and what they are answered, in memory: it logs each file that it writes for lack of room.
@Suite(.timeLimit(.minutes(1))) struct TemporaryFileTests {
    private func expectNoFile(_ run: Deployment, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(!run.log.contains("temporary file"), sourceLocation: sourceLocation)
    }

    @Test func aLongHistoryForASlowReaderIsNotWrittenToOne() async throws {
        // Seven of them are more than nginx's buffers and the sockets' hold.
        let provider = try await ScriptedProvider { _, call in
            .answer("\(call)" + String(repeating: "x", count: 1_900_000))
        }
        let run = try await Deployment(provider.asGemini)
        let token = try await run.logIn()
        for number in 1...7 {
            #expect(try await run.post("/chat", token: token, ["message": "question \(number)"]).status == 200)
        }
        let (code, _, _) = try await EndToEndTests.run(
            "/usr/bin/curl",
            [
                "--silent", "--cacert", run.certificate, "--http1.1", "--limit-rate", "300K", "--max-time", "2",
                "--header", "Authorization: Bearer \(token)", "--output", "/dev/null", run.origin + "/chat/history",
            ])
        #expect(code == 28, "it had not read it all")
        expectNoFile(run)
        let reply = try await run.get("/chat/history", token: token)
        #expect(reply.number("count") == 7 && reply.body.utf8.count > 13_000_000)
        expectNoFile(run)
    }

    /// The longest question there is, and with chunks of 16 bytes half as long again.
    @Test func aBodyOfUnknownLengthIsNotWrittenToOne() async throws {
        let run = try await Deployment()
        let token = try await run.logIn()
        let body = Data(#"{"message":"\#(String(repeating: #"\ud83d\ude00"#, count: 10_000))"}"#.utf8)
        for version in ["--http1.1", "--http2"] {
            let reply = try await run.send(
                "POST", "/chat", token: token, body: body, headers: ["Transfer-Encoding: chunked"], options: [version])
            #expect(reply.status == 200, "\(version)")
        }
        let key = try await run.key("--name", "ci")
        let text = String(repeating: "x", count: 4_190_000)
        let long = try await run.send(
            "POST", "/v1/chat/completions", token: key,
            body: Data(#"{"model":"echo-1","messages":[{"role":"user","content":"\#(text)"}]}"#.utf8),
            headers: ["Transfer-Encoding: chunked"], options: ["--http1.1"])
        #expect(long.status == 200, "\(long.body.prefix(300))")
        let head = [
            "POST /chat HTTP/1.1", "Host: localhost", "User-Agent: parley-tests/1.0", "Connection: close",
            "Authorization: Bearer \(token)", "Content-Type: application/json", "Transfer-Encoding: chunked",
        ]
        var request = Data((head.joined(separator: "\r\n") + "\r\n\r\n").utf8)
        for start in stride(from: 0, to: body.count, by: 16) {
            let chunk = body[start..<min(start + 16, body.count)]
            request += Data("\(String(chunk.count, radix: 16))\r\n".utf8) + chunk + Data("\r\n".utf8)
        }
        let (_, output, errors) = try await EndToEndTests.run(
            "/usr/bin/openssl", ["s_client", "-quiet", "-connect", "127.0.0.1:\(run.port)"],
            input: request + Data("0\r\n\r\n".utf8))
        #expect(output.hasPrefix("HTTP/1.1 200"), "\(output.prefix(200))\(errors)")
        expectNoFile(run)
    }
}
