import Foundation
import Testing

/// OpenAI's own client, and others that speak its contract, against the real program behind the real nginx: plain,
/// streamed, async, with tools, with a JSON schema, with each error. What they do is in Tests/Clients.
@Suite(.timeLimit(.minutes(10))) struct OpenAIClientTests {
    @Test func theClientsOfOpenAIWorkAsTheyDoWithOpenAI() async throws {
        let stage = try await ClientStage()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await stage.run(
                    "openai_client.py", "openai_async.py", "openai_schema.py", "openai_tools.py", "openai_errors.py",
                    "openai_budget.py")
            }
            group.addTask { try await stage.run("litellm_client.py") }
            group.addTask { try await stage.run("langchain_client.py") }
            try await group.waitForAll()
        }

        let asked = Dictionary(grouping: stage.provider.asked) { $0.path.hasPrefix("/v1beta/") }
        let isSigned = asked.mapValues { asked in
            asked.contains { String(decoding: $0.body, as: UTF8.self).contains("c2lnbmVk") }
        }
        #expect(isSigned == [true: true, false: false], "Gemini's mark comes back with the calls")

        let attempts = stage.faulty.attempts
        #expect(attempts.filter { $0.question.hasPrefix("crowd ") }.count == 50, "who is refused reaches no model")
        #expect(try await stage.spent("crowd") == 0.3)
        #expect(attempts.filter { $0.question == "spent" }.isEmpty)
        let left = attempts.filter { $0.question.hasPrefix("slow ") }
        #expect(
            Set(left.map(\.question))
                == [
                    "slow openai close", "slow openai with", "slow openai task", "slow openai plain", "slow litellm",
                    "slow langchain",
                ])
        for attempt in left {
            let ended = await stage.faulty.attempt { $0.index == attempt.index && $0.hungUp != nil }
            #expect(ended != nil, "\(attempt.question): nobody reads it any more")
        }
        // Three times by Parley, and none of them because its caller asked again.
        #expect(attempts.filter { $0.question == "down plain" }.count == 3)
    }
}
