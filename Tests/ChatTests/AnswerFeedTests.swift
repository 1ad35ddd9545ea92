import Synchronization
import Testing

@testable import Chat

@Suite(.timeLimit(.minutes(1))) struct AnswerFeedTests {
    private let feed = AnswerFeed()

    private func say(_ texts: String...) { for text in texts { feed.take(.text(text)) } }

    /// All that a follower is given until the end.
    private func all(from offset: Int = 0) async throws -> [AnswerDelta] {
        var follower = try #require(feed.follow(from: offset))
        defer { feed.leave(follower) }
        var deltas: [AnswerDelta] = []
        while let news = await feed.next(&follower) { deltas += news.deltas }
        return deltas
    }

    private func next(_ follower: inout AnswerFeed.Follower) async -> [AnswerDelta]? {
        await feed.next(&follower)?.deltas
    }

    @Test func whoComesLateGetsTheTextSoFarAtOnceAndTheRestAsItComes() async throws {
        say("one ", "two ")
        var late = try #require(feed.follow())
        #expect(await next(&late) == [.text("one two ")])
        say("three ", "four")
        #expect(await next(&late) == [.text("three "), .text("four")])
        feed.finish()
        #expect(await next(&late) == nil)
        #expect(try await all() == [.text("one two three four")], "also after the end")
    }

    @Test func aSlowFollowerHoldsUpNobody() async throws {
        var (slow, quick) = (try #require(feed.follow()), try #require(feed.follow()))
        for number in 0..<1_000 {
            say("\(number) ")
            #expect(await next(&quick) == [.text("\(number) ")])
        }
        feed.finish()
        #expect(await next(&slow)?.count == 1_000)
        #expect(await next(&slow) == nil)
    }

    @Test func whoWaitsIsWoken() async throws {
        let following = Task { try await all() }
        let another = Task { try await all() }
        for piece in ["a", "b", "c"] {
            await Task.yield()
            say(piece)
        }
        feed.finish()
        for task in [following, another] {
            let text = try await task.value.map { if case .text(let text) = $0 { text } else { "" } }.joined()
            #expect(text == "abc")
        }
    }

    @Test func callsKeepTheirPlaceInTheText() async throws {
        let call = AnswerDelta.toolCall(ToolCallDelta(index: 0, id: "a", name: "now", arguments: "{}"))
        say("be", "fore")
        feed.take(call)
        say("af", "ter")
        feed.finish()
        #expect(try await all() == [.text("before"), call, .text("after")])
    }

    @Test func aTryThatNobodySawIsForgotten() async throws {
        var follower = try #require(feed.follow())
        say("Hel")
        #expect(feed.startOver())
        say("Hello")
        #expect(await next(&follower) == [.text("Hello")])
        #expect(!feed.startOver() && feed.isSeen)
        feed.finish()
        #expect(try await all() == [.text("Hello")])
    }

    @Test func whoIsHeldSeesNothing() async throws {
        var held = try #require(feed.follow(isHeld: true))
        say("Hel")
        feed.open(.miss)
        #expect(await next(&held) == [])
        #expect(!feed.isFollowed)
        #expect(feed.startOver())
        feed.finish()
        #expect(await next(&held) == nil)
    }

    @Test func continuesAtAnyCharacterAndNowhereElse() async throws {
        say("a", "é", "秋")
        feed.finish()
        for (place, rest) in [(1, [AnswerDelta.text("é秋")]), (3, [.text("秋")]), (6, [])] {
            #expect(try await all(from: place) == rest)
        }
        for place in [-1, 2, 4, 5, 7, .max] { #expect(feed.follow(from: place) == nil) }
    }

    @Test func aCancelledFollowerGoes() async throws {
        let following = Task { try await all() }
        following.cancel()
        #expect(try await following.value == [])
        var expired = try #require(feed.follow())
        feed.expire(expired)
        #expect(await next(&expired) == nil)
    }
}
