import Foundation
import Testing

/// The model's side: real wire formats from a scripted provider over a real socket.
@Suite(.timeLimit(.minutes(5))) struct ProviderTests {
    private func deploy(_ providers: [String: String]...) async throws -> Deployment {
        try await Deployment(providers.reduce(into: ["CHAT_FIRST_TOKEN_TIMEOUT": "5"]) { $0.merge($1) { $1 } })
    }

    @Test func geminiAnswersAndIsAskedAsItsContractSays() async throws {
        let provider = try await ScriptedProvider { _, call in .answer("Grüße Nummer \(call) 👋") }
        let run = try await deploy(
            provider.asGemini, ["CHAT_SYSTEM_PROMPT": "Be kind, and brief.", "CHAT_MAX_TOKENS": "77"])
        let token = try await run.logIn()
        let first = try await run.post("/chat", token: token, ["message": "Hallo"])
        #expect(first.text("response") == "Grüße Nummer 1 👋" && first.text("model") == "scripted-gemini")
        #expect(
            first.json["usage"] as? [String: Int] == ["prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12])
        let again = try await run.post("/chat", token: token, ["message": "Hallo"])
        #expect(again.flag("cached") == true && again.text("response") == first.text("response"))
        let next = try await run.post(
            "/chat", token: token, ["message": "Und?", "conversation_id": first.text("conversation_id")!])
        #expect(next.text("response") == "Grüße Nummer 2 👋")

        let asked = provider.asked
        #expect(asked.count == 2)
        #expect(asked[0].path == "/v1beta/models/gemini-2.5-flash-lite:streamGenerateContent")
        #expect(asked[0].headers["x-goog-api-key"] == "gemini-test-key")
        #expect(asked[1].messages == ["Hallo", "Grüße Nummer 1 👋", "Und?"])
        let body = try #require(try JSONSerialization.jsonObject(with: asked[0].body) as? [String: Any])
        #expect(String(describing: body["systemInstruction"]).contains("Be kind, and brief."))
        #expect((body["generationConfig"] as? [String: Any])?["maxOutputTokens"] as? Int == 77)
    }

    @Test func anOpenAICompatibleServerAnswersAndIsAskedAsItsContractSays() async throws {
        let provider = try await ScriptedProvider { _, call in .answer("Hello number \(call)") }
        let run = try await deploy(provider.asOpenAI)
        let token = try await run.logIn()
        let reply = try await run.post("/chat", token: token, ["content": "Hi"])
        #expect(reply.text("content") == "Hello number 1" && reply.text("model") == "scripted-gpt")
        #expect((reply.json["usage"] as? [String: Int])?["total_tokens"] == 12)
        let asked = try #require(provider.asked.first)
        #expect(asked.path == "/v1/chat/completions" && asked.headers["authorization"] == "Bearer openai-test-key")
        let body = try #require(try JSONSerialization.jsonObject(with: asked.body) as? [String: Any])
        #expect(body["stream"] as? Bool == true && body["model"] as? String == "scripted-gpt")
    }

    @Test func aProviderThatFailsOnceIsAskedAgain() async throws {
        let provider = try await ScriptedProvider { _, call in call == 1 ? .refuse(500) : .answer("second try") }
        let run = try await deploy(provider.asGemini)
        let reply = try await run.post("/chat", token: try await run.logIn(), ["message": "hello"])
        #expect(reply.text("response") == "second try" && provider.asked.count == 2)
    }

    @Test func retryAfterIsHonoured() async throws {
        let provider = try await ScriptedProvider { _, call in
            call == 1 ? .refuse(429, headers: ["Retry-After": "1"]) : .answer("waited")
        }
        let run = try await deploy(provider.asGemini)
        let start = ContinuousClock.now
        let reply = try await run.post("/chat", token: try await run.logIn(), ["message": "hello"])
        #expect(reply.text("response") == "waited" && ContinuousClock.now - start >= .seconds(1))
    }

    @Test(arguments: ["cut", "nonsense", "503", "401"])
    func theNextProviderAnswersWhenTheFirstCannot(_ fault: String) async throws {
        let primary = try await ScriptedProvider { _, _ in
            switch fault {
            case "cut": .cut
            case "nonsense": .nonsense
            default: .refuse(Int(fault)!)
            }
        }
        let fallback = try await ScriptedProvider { _, _ in .answer("from the fallback") }
        let run = try await deploy(primary.asGemini, fallback.asOpenAI)
        let reply = try await run.post("/chat", token: try await run.logIn(), ["message": "hello"])
        #expect(reply.text("response") == "from the fallback" && reply.text("model") == "scripted-gpt")
        #expect(primary.asked.count <= 3)
        let message = fault == "401" ? "provider is left alone" : "provider failed"
        try await run.logLine { $0["message"] as? String == message && $0["provider"] as? String == "gemini" }
    }

    @Test func aFilteredMessageIsTheCallersToMend() async throws {
        let primary = try await ScriptedProvider { _, _ in .filter }
        let fallback = try await ScriptedProvider { _, _ in .answer("must not be asked") }
        let run = try await deploy(primary.asGemini, fallback.asOpenAI)
        let token = try await run.logIn()
        let reply = try await run.post("/chat", token: token, ["message": "hello"])
        try expectError(reply, 422)
        #expect(reply.text("message")?.contains("SAFETY") == true && fallback.asked.isEmpty && primary.asked.count == 1)
        #expect(try await run.get("/auth/session", token: token).number("messages_used") == 0)
    }

    @Test func whenAllFailTheCallerGetsAClearErrorAndHisMessageBack() async throws {
        let provider = try await ScriptedProvider { asked, _ in
            asked.messages.last == "well"
                ? .answer("fine") : asked.messages.last == "down" ? .refuse(503) : .refuse(400)
        }
        let run = try await deploy(provider.asGemini, ["CHAT_RETRIES": "1"])
        let token = try await run.logIn()
        let down = try await run.post("/chat", token: token, ["message": "down"])
        try expectError(down, 503)
        #expect(down.headers["retry-after"] != nil && provider.asked.count == 2)
        let refused = try await run.post("/chat", token: token, ["message": "refused"])
        try expectError(refused, 502)
        #expect(!down.body.contains("secret detail") && !refused.body.contains("secret detail"))
        #expect(try await run.get("/auth/session", token: token).number("messages_used") == 0)
        #expect(try await run.post("/chat", token: token, ["message": "well"]).text("response") == "fine")
    }

    @Test func nobodyListeningIsA503() async throws {
        let port = try freePort()
        let run = try await deploy(
            ["CHAT_OPENAI_BASE_URL": "http://127.0.0.1:\(port)/v1", "CHAT_OPENAI_MODEL": "m", "CHAT_RETRIES": "0"])
        try expectError(try await run.post("/chat", token: try await run.logIn(), ["message": "hello"]), 503)
    }

    @Test func anAnswerStaysInItsSessionUnlessTheOperatorSaysOtherwise() async throws {
        let scopes: [(settings: [String: String], calls: Int)] = [
            ([:], 3), (["CHAT_CACHE_SCOPE": "user"], 2), (["CHAT_CACHE_SCOPE": "shared"], 1),
        ]
        for (settings, calls) in scopes {
            let provider = try await ScriptedProvider { _, _ in .answer("same") }
            let run = try await deploy(provider.asGemini, settings)
            for email in ["ann@example.com", "ann@example.com", "bob@example.com"] {
                _ = try await run.post("/chat", token: try await run.logIn(email), ["message": "hello"])
            }
            #expect(provider.asked.count == calls, "\(settings)")
        }
    }

    @Test func anotherWorkersAnswerIsAHit() async throws {
        let provider = try await ScriptedProvider { _, _ in .answer("once") }
        let run = try await deploy(provider.asGemini, ["CHAT_CACHE_MAX_BYTES": "0"])
        let token = try await run.logIn()
        for number in 0..<6 {
            let reply = try await run.post("/chat", token: token, ["message": "hello"])
            #expect(reply.flag("cached") == (number > 0), "without a memory cache every hit is from the shared table")
        }
        #expect(provider.asked.count == 1)
    }
}
