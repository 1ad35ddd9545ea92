import Foundation
import Testing

/// A key that may ask some of the models only, against the real program with two providers behind it.
@Suite(.timeLimit(.minutes(5))) struct KeyModelTests {
    private static let gemini = "gemini-2.5-flash-lite"

    /// - Parameter conduct: of the first provider, which is asked as Gemini; the second one always answers: an
    ///   OpenAI-compatible server whose model has no price.
    private func stage(_ conduct: @escaping @Sendable () async -> ScriptedProvider.Conduct = { .answer("gemini") })
        async throws -> (run: Deployment, provider: ScriptedProvider)
    {
        let provider = try await ScriptedProvider { asked, _ in
            asked.path.hasPrefix("/v1beta") ? await conduct() : .answer("openai")
        }
        let settings = [
            "CHAT_CACHE_SCOPE": "shared", "CHAT_RETRIES": "0", "CHAT_WORKERS": "1",
            "CHAT_MODEL_ALIASES": "gpt-4o=\(Self.gemini)",
        ]
        let run = try await Deployment(
            settings.merging(provider.asGemini) { $1 }.merging(provider.asOpenAI) { $1 })
        return (run, provider)
    }

    private func complete(_ run: Deployment, _ token: String, _ model: String, _ text: String = "q") async throws
        -> Reply
    {
        try await run.post(
            "/v1/chat/completions", token: token,
            ["model": model, "messages": [["role": "user", "content": text]]])
    }

    private func text(_ reply: Reply) -> String? {
        let choice = (reply.json["choices"] as? [[String: Any]])?.first
        return (choice?["message"] as? [String: Any])?["content"] as? String
    }

    private func code(_ reply: Reply) -> String? { (reply.json["error"] as? [String: Any])?["code"] as? String }

    @Test func itSeesAndAsksThemByAnyOfTheirNames() async throws {
        let (run, provider) = try await stage()
        let token = try await run.key("--name", "narrow", "--models", "gpt-4o")
        let list = try await run.get("/v1/models", token: token)
        let names = (list.json["data"] as? [[String: Any]])?.compactMap { $0["id"] as? String }
        #expect(names == [Self.gemini, "gpt-4o"], "\(list)")
        for name in [Self.gemini, "gpt-4o"] {
            #expect(text(try await complete(run, token, name)) == "gemini")
            #expect(try await run.get("/v1/models/\(name)", token: token).status == 200)
        }
        for reply in [
            try await complete(run, token, "scripted-gpt"), try await run.get("/v1/models/scripted-gpt", token: token),
        ] {
            #expect(reply.status == 404 && code(reply) == "model_not_found", "\(reply)")
        }
        #expect(try await run.post("/chat", token: token, ["message": "q"]).text("response") == "gemini")

        let other = try await run.key("--name", "other", "--models", "scripted-gpt,\(Self.gemini)")
        let all = try await run.get("/v1/models", token: other)
        #expect((all.json["data"] as? [Any])?.count == 3, "\(all)")
        let none = try await run.key("--name", "none", "--models", "gpt-5")
        #expect(try await run.post("/chat", token: none, ["message": "q"]).status == 403)
        #expect(code(try await complete(run, none, "gpt-5")) == "model_not_found")
        let nothing = try await run.get("/v1/models", token: none)
        #expect(nothing.status == 200 && (nothing.json["data"] as? [Any])?.isEmpty == true)
        #expect(provider.asked.allSatisfy { $0.path.hasPrefix("/v1beta") } && provider.asked.count == 2)
    }

    @Test func anotherModelAnswersForItOnlyIfItMay() async throws {
        let (run, provider) = try await stage { .refuse(500) }
        let wide = try await run.key("--name", "wide")
        #expect(text(try await complete(run, wide, "gpt-4o")) == "openai")
        let narrow = try await run.key("--name", "narrow", "--models", Self.gemini)
        let refused = try await complete(run, narrow, "gpt-4o", "another")
        #expect(refused.status == 503 && code(refused) == "unavailable", "\(refused)")
        #expect(try await run.post("/chat", token: narrow, ["message": "another"]).status == 503)
        #expect(provider.asked.filter { $0.path == "/v1/chat/completions" }.count == 1)
    }

    /// All share one cache, and all ask for the same.
    @Test func anAnswerOfAnotherModelIsNotGivenToIt() async throws {
        let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
        let (permissions, permitted) = AsyncStream.makeStream(of: Void.self)
        let (run, provider) = try await stage {
            arrived.yield()
            for await _ in permissions { break }
            return .answer("gemini")
        }
        let wide = try await run.logIn()
        let narrow = try await run.key("--name", "narrow", "--models", "scripted-gpt")
        async let first = run.post("/chat", token: wide, ["message": "hello"])
        for await _ in arrivals { break }
        let reply = try await run.post("/chat", token: narrow, ["message": "hello"])
        #expect(reply.text("response") == "openai", "not joined: \(reply)")
        permitted.yield()
        #expect(try await first.text("response") == "gemini")
        for (token, answer) in [(narrow, "openai"), (wide, "gemini")] {
            let again = try await run.post("/chat", token: token, ["message": "hello"])
            #expect(again.text("response") == answer && again.flag("cached") == true, "\(again)")
        }
        #expect(provider.asked.count == 2)
    }

    @Test func itsBudgetIsHeldForThemAlone() async throws {
        let (run, provider) = try await stage()
        let wide = try await run.key("--name", "wide", "--budget", "1usd/day")
        #expect(code(try await complete(run, wide, "gpt-4o")) == "model_not_priced", "the second one has no price")
        let narrow = try await run.key("--name", "narrow", "--budget", "1usd/day", "--models", "gpt-4o")
        #expect(text(try await complete(run, narrow, "gpt-4o")) == "gemini")
        #expect(try await run.post("/chat", token: narrow, ["message": "q"]).status == 200)
        let unpriced = try await run.key("--name", "unpriced", "--budget", "1usd/day", "--models", "scripted-gpt")
        #expect(code(try await complete(run, unpriced, "scripted-gpt")) == "model_not_priced")
        #expect(provider.asked.count == 2)
    }
}
