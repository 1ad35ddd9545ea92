import Chat
import Foundation
import Support
import Synchronization
import Testing

@testable import Sessions

/// How a provider's keys are had and kept, over real HTTP.
@Suite(.timeLimit(.minutes(1))) struct ProviderKeysTests {
    /// A clock that a test moves.
    private final class Clock: Sendable {
        private let moved = Mutex(Duration.zero)
        private let start = ContinuousClock.now

        var now: ContinuousClock.Instant { start + moved.withLock { $0 } }
        func move(_ seconds: Int) { moved.withLock { $0 += .seconds(seconds) } }
    }

    private let issuer: ScriptedIssuer
    private let clock = Clock()
    private let news = News()

    private final class News: Sendable {
        let all = Mutex<[String]>([])
    }

    init() throws { issuer = try ScriptedIssuer() }

    private func keys(fetch: Duration = .seconds(5)) throws -> ProviderKeys {
        ProviderKeys(
            try KeyAddress(issuer.url), times: ProviderKeys.Times(fetch: fetch), now: { [clock] in clock.now },
            onNews: { [news] item in news.all.withLock { $0.append("\(item)") } })
    }

    private func token(_ kid: String? = "rsa", signedWith key: String = "rsa") throws -> CompactJWS {
        try CompactJWS(issuer.token(header: ["kid": kid], signedWith: key), maximumBytes: 16_384)
    }

    /// - Returns: what becomes of a token.
    private func verdict(_ keys: ProviderKeys, _ token: CompactJWS) async -> String {
        do { return "good \(try await keys.verify(token))" } catch let error as ChatError {
            return error.code == .unavailable && error.retryAfter != nil ? "unavailable" : "\(error)"
        } catch { return "refused" }
    }

    @Test func unknownKeysAreAskedForOnceAMinute() async throws {
        let keys = try keys()
        #expect(await verdict(keys, try token()) == "good 1" && issuer.asked == 1)
        for number in 0..<50 { #expect(await verdict(keys, try token("unknown \(number)")) == "refused") }
        #expect(issuer.asked == 1, "they were fetched just now")
        clock.move(61)
        let unknown = try token("unknown")
        await withTaskGroup(of: String.self) { group in
            for _ in 0..<50 { group.addTask { await verdict(keys, unknown) } }
            for await verdict in group { #expect(verdict == "refused") }
        }
        #expect(issuer.asked == 2)

        issuer.publish([issuer.rsaKey(kid: "newer")])
        #expect(await verdict(keys, try token("newer")) == "refused", "within the minute")
        clock.move(61)
        #expect(await verdict(keys, try token("newer")) == "good 2" && issuer.asked == 3)
        #expect(await verdict(keys, try token("ec", signedWith: "ec")) == "refused", "it was taken back")
    }

    /// One that was checked with a key that the provider has taken back.
    @Test func aKeyThatIsTakenBackTakesItsTokensAlong() async throws {
        let keys = try keys()
        let gate = ExternalAuthenticator(
            try issuer.provider(), keys, identity: IdentityKey(of: try TokenSecret(String(repeating: "s", count: 32))),
            store: MemorySessions())
        let token = try issuer.token(signedWith: "ec")
        _ = try await gate.identify(token)
        issuer.publish([issuer.rsaKey])
        clock.move(601)
        _ = try await gate.identify(token)  // nobody waits for the fetch that this has brought about
        try await until("the keys are new") { keys.generation == 2 }
        await #expect(throws: ChatError.self) { try await gate.identify(token) }
        _ = try await gate.identify(try issuer.token())
    }

    @Test func oneKeyNeedsNoNameAndManyDo() async throws {
        issuer.publish([issuer.rsaKey(kid: nil), issuer.p256Key])
        let keys = try keys()
        #expect(await verdict(keys, try token(nil)) == "good 1", "the only one of its kind")
        #expect(await verdict(keys, try token("rsa")) == "refused", "it has no such name")
        issuer.publish([issuer.rsaKey, issuer.rsaKey(kid: "other")])
        #expect(await verdict(try self.keys(), try token(nil)) == "refused")
        #expect(await verdict(try self.keys(), try token("other")) == "good 1")
        issuer.publish([issuer.rsaKey, issuer.p256Key(kid: "rsa"), issuer.ed25519Key])
        #expect(await verdict(try self.keys(), try token("rsa")) == "refused", "a name of two keys")
        #expect(await verdict(try self.keys(), try token("ed", signedWith: "ed")) == "good 1")
        issuer.publish([issuer.rsaKey(kid: "rsa", #","use":"enc""#), issuer.p256Key])
        #expect(await verdict(try self.keys(), try token("rsa")) == "refused", "a key for something else")
    }

    /// What a server does instead of sending its keys.
    enum Fault: String, CaseIterable {
        case refuses, redirects, hangsUp, sendsRubbish, sendsNoHTTP, sendsATrailingComma, sendsNoKeys, sendsAList
        case sends10MB, endsEarly, saysNothing, drips

        var reply: ScriptedIssuer.Reply {
            switch self {
            case .refuses: { try $0.answer(status: "503 Service Unavailable", "") }
            case .redirects: { try $0.answer(status: "302 Found", headers: ["Location: /elsewhere"], "") }
            case .hangsUp: { $0.resetOnClose() }
            case .sendsRubbish: { try $0.answer("<html>") }
            case .sendsNoHTTP: { try $0.send("\u{0}\u{1}\u{2}\r\n\r\n") }
            case .sendsATrailingComma: { try $0.answer(#"{"keys":[],}"#) }
            case .sendsNoKeys: { try $0.answer(#"{"keys":[]}"#) }
            case .sendsAList: { try $0.answer("[]") }
            case .sends10MB: { try $0.answer(#"{"keys":["# + String(repeating: " ", count: 10_000_000) + "]}") }
            case .endsEarly: { try $0.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{") }
            case .saysNothing: { _ = $0.waitForHangUp() }
            case .drips:
                { connection in
                    try connection.begin(type: "application/json")
                    while !connection.waitForHangUp(within: .milliseconds(50)) { try connection.chunk(" ") }
                }
            }
        }
    }

    @Test(arguments: Fault.allCases)
    func whateverAServerDoesNobodyIsLetInAndNobodyElseWaits(_ fault: Fault) async throws {
        let note = fault.rawValue
        let reply = fault.reply
        let keys = try keys(fetch: .milliseconds(300))
        issuer.answer(reply)
        #expect(await verdict(keys, try token()) == "unavailable", "\(note): there are no keys")
        issuer.answer(nil)
        clock.move(6)
        #expect(await verdict(keys, try token()) == "good 1", "\(note): it is back")

        issuer.answer(reply)
        clock.move(3_600)
        let unknown = try token("unknown")
        async let waiting = verdict(keys, unknown)
        #expect(await verdict(keys, try token()) == "good 1", "\(note): the last keys stay good")
        #expect(["refused", "unavailable"].contains(await waiting))
        try await until("it was tried") { news.all.withLock { $0.count } == 3 }
        #expect(await verdict(keys, try token()) == "good 1")
        clock.move(86_400)
        #expect(keys.generation == nil)
        #expect(await verdict(keys, try token()) == "unavailable", "\(note): for a day")
        issuer.answer(nil)
        clock.move(6)
        #expect(await verdict(keys, try token()) == "good 1")
        #expect(news.all.withLock { $0.map { $0.prefix(4) } } == ["fail", "fetc", "fail", "fetc"], "each once")
    }

    @Test func keysComeFromAPlaceThatNobodyCanForge() {
        for good in ["https://id.example.com/keys?p=1", "http://127.0.0.1:1/x", "http://localhost/x", "http://[::1]/x"]
        {
            _ = #expect(throws: Never.self) { try KeyAddress(good) }
        }
        for bad in [
            "http://id.example.com/keys", "http://127.0.0.1.example.com/", "http://localhost@evil.example/", "ftp://x/",
            "x",
            "file:///etc/passwd", "https://user:word@id.example.com/", "",
        ] {
            #expect(throws: ChatError.self, "\(bad)") { try KeyAddress(bad) }
        }
    }
}
