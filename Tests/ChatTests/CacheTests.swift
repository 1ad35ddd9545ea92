import FoundationEssentials
import Testing

@testable import Chat

private let noon = Date(timeIntervalSince1970: 1_700_000_000)

private func request(
    system: String = "s", context: [ChatMessage] = [], text: String = "hello", model: String? = nil,
    temperature: Double = 0.7, maxTokens: Int = 500
) -> ModelRequest {
    ModelRequest(
        messages: [ChatMessage(role: .system, text: system)] + context + [.user(text)], model: model,
        temperature: temperature, maxTokens: maxTokens)
}

private func key(_ text: String) -> CacheKey {
    CacheKey(request(text: text), scope: "user_a", models: "echo/echo-1")
}

private func answer(_ text: String, to key: CacheKey, expires: Date = noon + 60) -> CachedAnswer {
    CachedAnswer(
        key: key, text: text, model: "m", provider: "p", usage: TokenUsage(prompt: 1, completion: 1), expires: expires)
}

@Suite(.timeLimit(.minutes(1))) struct CacheKeyTests {
    @Test func differsWithEverythingThatDecidesTheAnswer() throws {
        let turn = ChatMessage.user("hello")
        let keys = [
            CacheKey(request(), scope: "a", models: "m"),
            CacheKey(request(), scope: "b", models: "m"),
            CacheKey(request(), scope: "a", models: "n"),
            CacheKey(request(system: "t"), scope: "a", models: "m"),
            CacheKey(request(text: "hello!"), scope: "a", models: "m"),
            CacheKey(request(temperature: 0.8), scope: "a", models: "m"),
            CacheKey(request(model: "m"), scope: "a", models: "m"),
            CacheKey(request(maxTokens: 501), scope: "a", models: "m"),
            CacheKey(request(context: [turn]), scope: "a", models: "m"),
            CacheKey(request(context: [ChatMessage(role: .assistant, text: "hello")]), scope: "a", models: "m"),
            CacheKey(request(context: [turn, turn]), scope: "a", models: "m"),
        ]
        #expect(Set(keys.map(\.digest)).count == keys.count)
    }

    @Test func keepsPartsApartThatJoinToTheSameText() throws {
        let one = CacheKey(request(), scope: "ab", models: "c")
        let other = CacheKey(request(), scope: "a", models: "bc")
        #expect(one != other)
    }
}

@Suite(.timeLimit(.minutes(1))) struct MemoryCacheTests {
    @Test func givesBackWhatWasStoredUntilItExpires() throws {
        let cache = MemoryCache(maximumBytes: 10_000)
        let key = key("q")
        cache.insert(answer("a", to: key))
        #expect(cache.answer(for: key, at: noon)?.text == "a")
        #expect(cache.answer(for: key, at: noon + 60) == nil)
        #expect(cache.bytes == 0, "an expired answer makes room")
    }

    @Test func leavesOutTheLeastRecentlyUsedFirst() throws {
        let keys = (0..<4).map { key("question \($0)") }
        let size = { (cache: MemoryCache) in cache.bytes }
        let probe = MemoryCache(maximumBytes: .max)
        probe.insert(answer("a", to: keys[0]))
        let cache = MemoryCache(maximumBytes: size(probe) * 3)
        for key in keys[0..<3] { cache.insert(answer("a", to: key)) }
        _ = cache.answer(for: keys[0], at: noon)
        cache.insert(answer("a", to: keys[3]))
        #expect(keys.map { cache.answer(for: $0, at: noon) != nil } == [true, false, true, true])
    }

    @Test func staysWithinItsBytes() throws {
        let cache = MemoryCache(maximumBytes: 50_000)
        for number in 0..<1_000 {
            cache.insert(answer(String(repeating: "x", count: number), to: key("q\(number % 700)")))
            #expect(cache.bytes <= 50_000)
        }
        #expect(cache.bytes > 40_000)
    }

    @Test func keepsNothingThatIsLargerThanItself() throws {
        let cache = MemoryCache(maximumBytes: 1_000)
        let small = key("small")
        cache.insert(answer("a", to: small))
        cache.insert(answer(String(repeating: "x", count: 2_000), to: key("large")))
        #expect(cache.answer(for: small, at: noon) != nil)
    }

    @Test func replacesAnAnswerInPlace() throws {
        let cache = MemoryCache(maximumBytes: 10_000)
        let key = key("q")
        cache.insert(answer("old", to: key))
        cache.insert(answer("new", to: key))
        #expect(cache.answer(for: key, at: noon)?.text == "new")
    }
}

@Suite(.timeLimit(.minutes(1))) struct AnswerCacheTests {
    /// Answers whatever it is asked with the one answer it has.
    private struct OneAnswer: SharedAnswers {
        let answer: CachedAnswer
        func stored(for key: CacheKey) -> CachedAnswer? { answer }
        func progress(of lease: Lease) -> LeaseProgress { .held }
        func isAwaited(_ key: CacheKey) -> Bool { false }
        func stopWaiting(for lease: Lease) {}
    }

    @Test func givesAnExpiredAnswerWithinItsTimeAndToItsQuestionOnly() async throws {
        let (key, another) = (key("q"), key("another"))
        let shared = OneAnswer(answer: answer("old", to: key, expires: noon - 60))
        func stale(_ lifetime: TimeInterval, _ stale: TimeInterval, _ key: CacheKey) async throws -> String? {
            try await AnswerCache(
                memory: MemoryCache(maximumBytes: 0), shared: shared, lifetime: lifetime, staleLifetime: stale,
                now: { noon }
            ).lastResort(for: key)?.answer.text
        }
        #expect(try await stale(1, 61, key) == "old")
        #expect(try await stale(1, 60, key) == nil)
        #expect(try await stale(0, 61, key) == nil, "the cache is off")
        #expect(try await stale(1, 61, another) == nil)
    }

    @Test func doesNotWaitForAnotherWorkerBeyondTheDeadline() async throws {
        let key = key("q")
        let cache = AnswerCache(
            memory: MemoryCache(maximumBytes: 0), shared: OneAnswer(answer: answer("a", to: key)), lifetime: 60)
        let progress = try await cache.settled(Lease(key: key, number: 1), by: .now + .milliseconds(50))
        guard case .failed(let failure) = progress else { return #expect(Bool(false), "\(progress)") }
        #expect(failure.reason == .timedOut)
    }

    @Test func refusesAHitForAnotherRequest() async throws {
        let shared = OneAnswer(answer: answer("wrong", to: key("another question")))
        let cache = AnswerCache(memory: MemoryCache(maximumBytes: 10_000), shared: shared, lifetime: 60, now: { noon })
        #expect(try await cache.answer(for: key("my question")) == nil)
    }

    @Test func refusesAnExpiredSharedAnswer() async throws {
        let key = key("q")
        let shared = OneAnswer(answer: answer("old", to: key, expires: noon))
        let cache = AnswerCache(memory: MemoryCache(maximumBytes: 10_000), shared: shared, lifetime: 60, now: { noon })
        #expect(try await cache.answer(for: key) == nil)
    }

    @Test func isSwitchedOffByALifetimeOfZero() async throws {
        let key = key("q")
        let cache = AnswerCache(
            memory: MemoryCache(maximumBytes: 10_000), shared: OneAnswer(answer: answer("a", to: key)), lifetime: 0,
            now: { noon })
        #expect(try await cache.answer(for: key) == nil)
    }
}
