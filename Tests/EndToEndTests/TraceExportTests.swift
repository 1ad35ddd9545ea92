import Foundation
import Testing

/// Traces through nginx and the real program, read by OpenTelemetry's own protobuf messages.
@Suite(.timeLimit(.minutes(5))) struct TraceExportTests {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let header = "traceparent: 00-\(trace)-00f067aa0ba902b7-00"

    @Test func aQuestionIsOneTrace() async throws {
        let collector = try await SpanCollector()
        let provider = try await ScriptedProvider { asked, _ in
            asked.path.hasPrefix("/v1beta/") ? .refuse(500) : .answer("forty-two")
        }
        let settings = [
            "CHAT_OTLP_ENDPOINT": collector.endpoint + "/", "CHAT_OTLP_HEADERS": "x-team=a%20b, X-Key=secret-of-ours",
            "CHAT_RETRIES": "0",
        ]
        let run = try await Deployment(
            provider.asGemini.merging(provider.asOpenAI) { $1 }.merging(settings) { $1 })
        let token = try await run.logIn()
        let first = try await run.post(
            "/chat", token: token, ["message": "the question"], headers: [Self.header, "tracestate: vendor=private"])
        #expect(first.status == 200)
        let again = try await run.post("/chat", token: token, ["message": "the question"])
        let ids = [first, again].map { $0.headers["x-request-id"] ?? "" }
        let together = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    try await run.post("/chat", token: token, ["message": "all at once"]).headers["x-request-id"] ?? ""
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        for id in ids { try await run.logLine { $0["request_id"] as? String == id } }
        let lines = run.logLines
        #expect(lines.contains { $0["request_id"] as? String == ids[0] && $0["trace_id"] as? String == Self.trace })
        // nginx's own id where nobody else names the trace.
        #expect(lines.contains { $0["request_id"] as? String == ids[1] && $0["trace_id"] as? String == ids[1] })

        // What has not left by itself leaves at the drain.
        #expect(await run.stop() == 0)
        let text = try await collector.everything()
        let spans = try await collector.spans { _ in true }
        let trace = spans.filter { $0.text("trace") == Self.trace }
        let server = try #require(trace.first { $0.number("kind") == 2 })
        #expect(server.text("name") == "POST /chat" && server.text("parent") == "00f067aa0ba902b7")
        #expect(server.attribute("http.response.status_code") == "200" && server.number("status") == 0)
        #expect(server.attribute("http.route") == "/chat" && server.attribute("parley.cache") == "miss")
        #expect(server.attribute("parley.request_id") == ids[0])
        #expect(server.attribute("gen_ai.conversation.id")?.hasPrefix("conv_") == true)
        #expect((server.json["resource"] as? [String: Any])?["service.name"] as? String == "parley")

        let stages = trace.filter { $0.number("kind") == 1 }
        #expect(
            Set(stages.map { $0.text("name") }).isSuperset(of: ["session", "sanitize", "place", "model", "record"]))
        for part in trace where part.text("id") != server.text("id") {
            #expect(part.text("parent") == server.text("id"))
            #expect(
                part.number("start") >= server.number("start") && part.number("end") <= server.number("end") + 1_000)
        }
        #expect(abs(server.number("start") / 1_000_000_000 - Int(Date().timeIntervalSince1970)) < 300)

        let calls = trace.filter { $0.number("kind") == 3 }.sorted { $0.number("start") < $1.number("start") }
        #expect(calls.map { $0.text("name") } == ["chat gemini-2.5-flash-lite", "chat scripted-gpt"])
        #expect(calls.map { $0.attribute("gen_ai.provider.name") } == ["gcp.gemini", "openai"])
        #expect(calls[0].number("status") == 2 && calls[0].attribute("error.type") == "server_error")
        #expect(calls[1].attribute("gen_ai.usage.input_tokens") == "7")
        #expect(calls[1].attribute("gen_ai.usage.output_tokens") == "5")
        #expect(calls[1].attributes["gen_ai.response.finish_reasons"] as? [String] == ["stop"])
        #expect(calls[1].attributes["gen_ai.operation.name"] as? String == "chat")
        #expect(calls[1].attribute("gen_ai.response.id") == "x")
        #expect(calls[1].attribute("gen_ai.usage.reasoning.output_tokens") == "2")
        for call in calls {
            #expect(call.attribute("server.address") == "127.0.0.1")
            #expect(call.attribute("server.port") == String(provider.port))
        }
        // The provider's own spans would be parts of the call's.
        #expect(
            provider.asked.prefix(2).map { $0.headers["traceparent"] }
                == calls.map { "00-\(Self.trace)-\($0.text("id"))-01" })
        #expect(provider.asked.allSatisfy { $0.headers["tracestate"] == nil })

        let hit = spans.filter { $0.text("trace") == ids[1] }
        #expect(hit.first { $0.number("kind") == 2 }?.attribute("parley.cache") == "hit")
        #expect(hit.allSatisfy { $0.number("kind") != 3 })
        // Of equal questions at once one asks the model.
        let shared = spans.filter { together.contains($0.text("trace")) }
        #expect(shared.count { $0.number("kind") == 2 } == 4)
        #expect(shared.count { $0.number("kind") == 3 } == provider.asked.count - 2)

        #expect(!text.contains("the question") && !text.contains("forty-two"), "texts are nobody's business")
        let request = try await collector.requests(1)[0]
        let headers = request.json["headers"] as? [String: String] ?? [:]
        #expect(request.text("path") == "/v1/traces" && headers["Content-Type"] == "application/json")
        #expect(headers["x-team"] == "a b" && headers["X-Key"] == "secret-of-ours")
        #expect(!run.log.contains("secret-of-ours"))
    }

    @Test func aCallerDecidesWhereItMayAndTextsGoWhereTheyMay() async throws {
        let collector = try await SpanCollector(["later", "partial", "take"])
        let run = try await Deployment([
            "CHAT_OTLP_ENDPOINT": collector.endpoint, "CHAT_TRACE_RATIO": "0", "CHAT_TRACE_CALLERS": "true",
            "CHAT_TRACE_CONTENT": "true", "CHAT_WORKERS": "1",
        ])
        let token = try await run.logIn()
        _ = try await run.post("/chat", token: token, ["message": "unseen"])
        _ = try await run.post("/chat", token: token, ["message": "unwanted"], headers: [Self.header])
        let header = String(Self.header.dropLast()) + "1"
        _ = try await run.post("/chat", token: token, ["message": "wanted <b>"], headers: [header])
        // Sent again after a 503.
        let spans = try await collector.spans { $0.number("kind") == 3 }
        #expect(spans.allSatisfy { $0.text("trace") == Self.trace })
        let call = try #require(spans.first { $0.number("kind") == 3 })
        #expect(call.attribute("gen_ai.input.messages")?.contains(#""content":"wanted "#) == true)
        #expect(call.attribute("gen_ai.output.messages")?.contains(#"You said: wanted"#) == true)
        let text = try await collector.everything()
        #expect(!text.contains("unseen") && !text.contains("unwanted"))
        try await run.logLine { $0["message"] as? String == "traces cannot be sent" }
        try await run.logLine { $0["message"] as? String == "traces are sent again" }
        try await run.logLine { $0["message"] as? String == "spans lost" && $0["spans"] as? Int == 3 }
    }

    /// A collector that does not do its work costs a request nothing, and the end of a worker two seconds.
    @Test(arguments: ["away", "slow", "refuse", "redirect"])
    func aBrokenCollectorIsNobodysWait(_ conduct: String) async throws {
        let collector = conduct == "away" ? nil : try await SpanCollector([conduct])
        let endpoint = try collector?.endpoint ?? "http://127.0.0.1:\(freePort())"
        let run = try await Deployment(["CHAT_OTLP_ENDPOINT": endpoint, "CHAT_WORKERS": "1"])
        let token = try await run.logIn()
        for number in 0..<3 {
            let reply = try await run.post("/chat", token: token, ["message": "number \(number)"])
            #expect(reply.status == 200)
            let id = try #require(reply.headers["x-request-id"])
            try await run.logLine { $0["request_id"] as? String == id }
            let line = run.logLines.first { $0["request_id"] as? String == id }
            #expect((line?["ms"] as? Double ?? .infinity) < 1_000)
        }
        let start = ContinuousClock.now
        #expect(await run.stop() == 0)
        #expect(ContinuousClock.now - start < .seconds(8))
        let lost = run.logLines.filter { $0["message"] as? String == "spans lost" }
        #expect((lost.first?["spans"] as? Int ?? 0) >= 12, "\(run.log)")
    }
}
