import FoundationEssentials
import Support
import Synchronization
import Testing

@testable import Chat

private let noon = Date(timeIntervalSince1970: 1_700_000_000)

private func request(
    system: String = "s", context: [ChatMessage] = [], text: String = "hello", model: String? = nil,
    models: [String]? = nil, temperature: Double = 0.7, maxTokens: Int = 500
) -> ModelRequest {
    ModelRequest(
        messages: [ChatMessage(role: .system, text: system)] + context + [.user(text)], model: model,
        models: models, temperature: temperature, maxTokens: maxTokens)
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
            CacheKey(request(models: ["m"]), scope: "a", models: "m"),
            CacheKey(request(models: ["m", "n"]), scope: "a", models: "m"),
            CacheKey(request(maxTokens: 501), scope: "a", models: "m"),
            CacheKey(request(context: [turn]), scope: "a", models: "m"),
            CacheKey(request(context: [ChatMessage(role: .assistant, text: "hello")]), scope: "a", models: "m"),
            CacheKey(request(context: [turn, turn]), scope: "a", models: "m"),
            CacheKey(request(context: [ChatMessage(role: .user, name: "ann", text: "hello")]), scope: "a", models: "m"),
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
    private struct OneAnswer: AnswerStore {
        let answer: CachedAnswer
        func get(_ key: CacheKey) -> CachedAnswer? { answer }
        func put(_ answer: CachedAnswer) {}
    }

    private let pool = MemoryPool(messageLimit: 50)

    private func cache(
        _ answers: any AnswerStore, staleLifetime: TimeInterval = 0, leases: MemoryLeases? = nil
    ) -> AnswerCache {
        AnswerCache(
            memory: MemoryCache(maximumBytes: 10_000), ledger: MemoryLedger(pool), answers: answers,
            leases: leases ?? MemoryLeases(pool), lifetimes: CacheLifetimes(60), staleLifetime: staleLifetime,
            now: { noon })
    }

    @Test func givesAnExpiredAnswerWithinItsTimeAndToItsQuestionOnly() async throws {
        let (key, another) = (key("q"), key("another"))
        let shared = OneAnswer(answer: answer("old", to: key, expires: noon - 60))
        func stale(_ lifetime: TimeInterval, _ stale: TimeInterval, _ key: CacheKey, _ control: CacheControl = .none)
            async throws -> String?
        {
            try await cache(shared, staleLifetime: stale)
                .lastResort(for: CacheUse(key, lifetime: lifetime, control))?.answer.text
        }
        #expect(try await stale(1, 61, key) == "old")
        #expect(try await stale(1, 60, key) == nil)
        #expect(try await stale(0, 61, key) == nil, "the cache is off")
        #expect(try await stale(1, 61, another) == nil)
        #expect(try await stale(1, 61, key, .noCache) == nil)
    }

    @Test func doesNotWaitForAnotherWorkerBeyondTheDeadline() async throws {
        let (key, one, other) = (key("q"), MemoryLeases(pool), MemoryLeases(pool))
        #expect(one.acquire(key, for: ExchangeID(number: 1), lifetime: .seconds(60)) == nil)
        let lease = try #require(other.acquire(key, for: ExchangeID(number: 2), lifetime: .seconds(60)))
        let progress = try await cache(MemoryAnswers(pool), leases: other).end(
            of: lease, by: .now + .milliseconds(50), passing: nil)
        guard case .failed(let failure) = progress else { return #expect(Bool(false), "\(progress)") }
        #expect(failure.reason == .timedOut)
    }

    @Test func refusesAHitForAnotherRequest() async throws {
        let shared = OneAnswer(answer: answer("wrong", to: key("another question")))
        #expect(try await cache(shared).hit(CacheUse(key("my question"), lifetime: 60), inPool: true) == nil)
    }

    @Test func refusesAnExpiredSharedAnswer() async throws {
        let key = key("q")
        let use = CacheUse(key, lifetime: 60)
        #expect(try await cache(OneAnswer(answer: answer("old", to: key, expires: noon))).hit(use, inPool: true) == nil)
        let good = OneAnswer(answer: answer("good", to: key))
        #expect(try await cache(good).hit(use, inPool: false) == nil, "not in this worker's memory")
        #expect(try await cache(good).hit(use, inPool: true)?.text == "good")
    }

    @Test func isSwitchedOffByALifetimeOfZero() async throws {
        let key = key("q")
        let cache = cache(OneAnswer(answer: answer("a", to: key)))
        #expect(try await cache.hit(CacheUse(key, lifetime: 0), inPool: true) == nil)
    }

    @Test func theShortestOfTheExceptionsCounts() {
        var lifetimes = CacheLifetimes(3_600)
        lifetimes.conversation = 600
        lifetimes.structured = 60
        lifetimes.models = ["other": 0, "first": 7_200]
        var json = Sampling()
        json.format = .jsonObject
        let turn = ChatMessage(role: .assistant, text: "a")
        func lifetime(_ context: [ChatMessage] = [], _ model: String? = nil, _ sampling: Sampling = Sampling())
            -> TimeInterval
        {
            let request = ModelRequest(
                messages: [ChatMessage(role: .system, text: "s")] + context + [.user("q")], model: model,
                temperature: 0,
                maxTokens: 1, sampling: sampling)
            return lifetimes.lifetime(of: request, else: "first")
        }
        #expect(lifetime([], "another") == 3_600)
        #expect(lifetime() == 7_200, "the model that is asked first")
        #expect(lifetime([turn]) == 600 && lifetime([], nil, json) == 60 && lifetime([turn], nil, json) == 60)
        #expect(lifetime([turn], "other", json) == 0)
        let narrow = ModelRequest(messages: [.user("q")], models: ["other", "first"], temperature: 0, maxTokens: 1)
        #expect(lifetimes.lifetime(of: narrow, else: "first") == 0, "the first that may answer")
        #expect(lifetimes.longest == 7_200)
    }
}

@Suite(.timeLimit(.minutes(1))) struct ExchangeIDGeneratorTests {
    @Test func growsWithTimeAndWithinAnInstant() {
        let now = Mutex(noon)
        let ids = ExchangeIDGenerator(worker: { 7 }, now: { now.withLock { $0 } })
        var last: Int64 = 0
        for step in 0..<3_000 {
            // It may stand still, and be set back.
            now.withLock { $0 = noon + (step == 2_000 ? -10 : Double(step / 1_000) / 1_000) }
            let id = ids.next().number
            #expect(id > last && id & 1_023 == 7)
            last = id
        }
    }

    @Test func standsBesideTheIdsOfEarlierPrograms() {
        let ids = ExchangeIDGenerator(worker: { 1_023 }, now: { noon })
        let milliseconds = Int64(noon.timeIntervalSince1970 * 1_000)
        let id = ids.next()
        #expect(id.number > (milliseconds - 1) << 20 | (1 << 20 - 1), "what was made a millisecond before is smaller")
        #expect(id.number < (milliseconds + 1) << 20)
        #expect(id.created == noon)
    }

    @Test func noTwoWorkersMakeTheSame() {
        let now = Mutex(noon)
        var ids: Set<Int64> = []
        let workers = (0..<20).map { number in ExchangeIDGenerator(worker: { number }, now: { now.withLock { $0 } }) }
        for _ in 0..<100 { for worker in workers { ids.insert(worker.next().number) } }
        #expect(ids.count == 2_000)
    }
}
