import Chat
import Foundation
import Testing

@testable import Outbox

/// What Discord is sent keeps to its limits.
@Suite(.timeLimit(.minutes(1))) struct DiscordTextTests {
    private let session = SessionID.random()

    private func message(_ question: String, _ answer: String, contact: SessionContact? = nil) -> OutboxMessage {
        let id = ExchangeID(number: 0x1a1f_b78f_cb9d_2f87)
        return OutboxMessage(
            exchange: Exchange(
                id: id, conversation: ConversationID(first: id), question: question,
                answer: Answer(text: answer, origin: .model(name: "echo-1", provider: "echo")), danger: "xss:2",
                created: Date(timeIntervalSince1970: 1_700_000_000.123)),
            session: session, user: UserID("user_" + String(repeating: "0", count: 32))!,
            began: Date(timeIntervalSince1970: 1_700_000_000), contact: contact)
    }

    private func json(_ bytes: [UInt8]) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    }

    @Test(arguments: [
        ("short", 5, "short"), ("longer", 5, "long…"), ("ab👩‍👩‍👧‍👦c", 12, "ab…"), ("ab👩‍👩‍👧‍👦c", 14, "ab👩‍👩‍👧‍👦c"),
        ("e\u{301}e\u{301}e\u{301}", 4, "e\u{301}…"), ("👍👍", 3, "👍…"), ("abc", 1, "…"), ("abc", 0, ""), ("", 0, ""),
    ])
    func aTextIsCutAtACharacter(_ text: String, _ limit: Int, _ cut: String) {
        #expect(text.cut(toUTF16: limit) == cut && text.cut(toUTF16: limit).utf16.count <= limit)
    }

    @Test(arguments: [
        (10, 10), (4_096, 1_000), (4_098, 10), (100, 50_000), (50_000, 100), (9_000, 9_000), (3_000, 3_000),
    ])
    func allEmbedsTogetherKeepToTheLimits(_ question: Int, _ answer: Int) throws {
        let contact = SessionContact(email: String(repeating: "e", count: 254), address: "2001:db8::1")
        let text = DiscordText(
            message(
                String(repeating: "👍", count: question / 2), String(repeating: "é", count: answer), contact: contact),
            showsDetails: true)
        for embeds in [text.exchange(), [text.session] + text.exchange(beside: [text.session])] {
            let total = embeds.reduce(0) { $0 + ($1.title + $1.description + $1.footer).utf16.count }
            #expect(total <= 6_000 && embeds.allSatisfy { $0.description.utf16.count <= 4_096 })
            let isWhole = embeds.allSatisfy { !$0.description.hasSuffix("…") }
            let (frame, wanted) = (
                total - embeds.suffix(2).reduce(0) { $0 + $1.description.utf16.count }, question + answer
            )
            let isRoom = max(question, answer) <= 4_096 && wanted + frame <= 6_000
            #expect(isRoom ? isWhole : !isWhole)
            if min(question, answer) > 2_999 - frame, !isRoom { #expect(total > 5_990, "the room is used") }
            if min(question, answer) == 100, !isRoom {
                #expect(embeds.contains { $0.description.utf16.count >= 4_095 })
            }
        }
    }

    @Test func nothingMentionsAnybodyAndAHashIsShown() throws {
        let contact = SessionContact(email: "a`b@example.com", address: "192.0.2.1")
        for showsDetails in [false, true] {
            let text = DiscordText(message("@everyone <@1>", "hello", contact: contact), showsDetails: showsDetails)
            let body = try json(
                DiscordBody.message([text.session] + text.exchange(), nonce: "n", threadName: text.threadName))
            #expect((body["allowed_mentions"] as? [String: [String]]) == ["parse": []])
            #expect(body["content"] == nil && body["enforce_nonce"] as? Bool == true)
            #expect(body["thread_name"] as? String == "Session \(session.rawValue.prefix(8))")
            let embeds = try #require(body["embeds"] as? [[String: Any]])
            let about = try #require(embeds[0]["description"] as? String)
            #expect(about.contains("`user_0000") && about.contains("`a'b@example.com`") == showsDetails)
            #expect(about.contains("192.0.2.1") == showsDetails)
            #expect(embeds[1]["description"] as? String == "@everyone <@1>")
            #expect((embeds[1]["footer"] as? [String: String])?["text"] == "flagged: xss")
            #expect((embeds[2]["footer"] as? [String: String])?["text"] == "msg_1a1fb78fcb9d2f87 · echo-1")
            #expect(embeds[2]["timestamp"] as? String == "2023-11-14T22:13:20.123Z")
        }
        #expect(try json(DiscordBody.thread("x"))["auto_archive_duration"] as? Int == 1_440)
        let blank = DiscordText(message(" ", "\n"), showsDetails: false).exchange()
        let embeds = try #require(try json(DiscordBody.message(blank))["embeds"] as? [[String: Any]])
        #expect(embeds.allSatisfy { $0["description"] == nil })
    }

    @Test(arguments: [
        ("https://discord.com/api/webhooks/123/abc-DEF_1", true),
        ("https://canary.discord.com/api/v10/webhooks/123/abc", true),
        ("https://discord.com/api/webhooks/123/abc?wait=true", false),
        ("http://discord.com/api/webhooks/123/abc", false),
        ("https://discord.com/api/webhooks/123", false), ("https://example.com/api/webhooks/123/abc", false),
        ("https://discord.com/api/webhooks/12a/abc", false), ("https://discord.com/api/webhooks/123/abc/../x", false),
    ])
    func aWebhooksAddressIsDiscords(_ url: String, _ isOne: Bool) {
        #expect(((try? DiscordWebhook(url: url)) != nil) == isOne)
    }

    @Test(arguments: [
        ("https://example.com/hook", true), ("http://example.com/hook", false), ("http://127.0.0.1:1/", true),
        ("http://localhost.example.com/", false), ("http://[::1]:80/x", true), ("ftp://127.0.0.1/", false),
    ])
    func onlyThisMachineIsCalledInClear(_ url: String, _ isFine: Bool) {
        #expect(((try? OutboundURL(url)) != nil) == isFine)
    }

    /// Of the Standard Webhooks' own libraries.
    @Test func theSignatureIsTheStandards() throws {
        let secret = try WebhookSecret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        #expect(
            secret.signature(
                of: Array(#"{"test": 2432232314}"#.utf8), id: "msg_p5jXN8AQM9LWM0D4loKWxJek", time: 1_614_265_330)
                == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")
        #expect("\(secret)" == "(secret)")
        for text in ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ", "whsec_!", ""] {
            #expect(throws: OutboxFault.self) { try WebhookSecret(text) }
        }
    }

    @Test func retriesAreSpreadUpToAQuarterOfAnHour() {
        #expect(DeliveryBackoff.delay(after: 1, asked: nil, random: 0.5) == .milliseconds(500))
        #expect(DeliveryBackoff.delay(after: 4, asked: nil, random: 0.5) == .seconds(4))
        #expect(DeliveryBackoff.delay(after: 4, asked: nil, random: 0) == .zero)
        #expect(DeliveryBackoff.delay(after: 400, asked: nil, random: 0.999) < .seconds(900))
        #expect(DeliveryBackoff.delay(after: 1, asked: .seconds(60), random: 0.1) == .seconds(60))
        #expect(DeliveryBackoff.delay(after: 1, asked: .seconds(10_000), random: 0.1) == .seconds(900))
    }
}
