import Chat
import Foundation
import Sessions
import Synchronization
import Testing

/// Keeps what it is to send.
final class RecordedMail: CodeMailer {
    private let mails = Mutex<[(email: Email, code: LoginCode)]>([])

    var all: [(email: Email, code: LoginCode)] { mails.withLock { $0 } }

    func send(_ code: LoginCode, to email: Email, before end: ContinuousClock.Instant) {
        mails.withLock { $0.append((email, code)) }
    }
}

/// Logging in by codes, without the mail.
@Suite(.timeLimit(.minutes(1))) struct LoginCodeTests {
    private let mail = RecordedMail()
    private let stage: Stage

    init() async throws { stage = try await Stage(mailer: mail) }

    private func ask(_ email: String = "ann@example.com", _ code: String? = nil) async throws -> Reply {
        let body = ["email": email].merging(code.map { ["code": $0] } ?? [:]) { $1 }
        return await stage.post(
            "/auth/email", String(decoding: try JSONSerialization.data(withJSONObject: body), as: UTF8.self))
    }

    private func logIn() async throws -> Reply {
        _ = try await ask()
        return try await ask("ann@example.com", try #require(mail.all.last).code.digits)
    }

    /// How much its history has.
    private func count(_ token: String) async -> Int? {
        await stage.get("/chat/history", token: token).json["count"] as? Int
    }

    @Test func anAddressIsSentACodeAndTheCodeGivesAProvedSession() async throws {
        let asked = try await ask(" Ann@Example.com ")
        #expect(asked.status == 202 && asked.text("status") == "code_sent" && asked.json["expires_in"] as? Int == 600)
        let sent = try #require(mail.all.last)
        #expect(mail.all.count == 1 && sent.email.address == "ann@example.com")
        #expect(!asked.body.contains(sent.code.digits))
        let opened = try await ask("ann@example.com", sent.code.digits)
        #expect(opened.status == 200 && opened.json["proved"] as? Bool == true)
        expectError(try await ask("ann@example.com", sent.code.digits), 401)
    }

    @Test func everyWrongCodeIsToldTheSame() async throws {
        _ = try await ask()
        let code = try #require(mail.all.last).code.digits
        let other = code == "000000" ? "000001" : "000000"
        let replies = [try await ask("ann@example.com", other), try await ask("nobody@example.com", other)]
        for reply in replies { expectError(reply, 401) }
        #expect(replies[0].text("message") == replies[1].text("message"))
    }

    @Test(arguments: [
        "12345", "1234567", "", "12345a", " 123456", "+12345", "１２３４５６", "١٢٣٤٥٦", "०१२३४५", "123456\n", "12345\u{0}",
    ])
    func whatIsNotSixDigitsIsNoTry(_ text: String) async throws {
        _ = try await ask()
        for _ in 0..<6 { expectError(try await ask("ann@example.com", text), 422) }
        #expect(try await ask("ann@example.com", try #require(mail.all.last).code.digits).status == 200)
    }

    @Test func aNumberIsNoCode() async {
        expectError(await stage.post("/auth/email", #"{"email":"ann@example.com","code":123456}"#), 422)
    }

    @Test(arguments: [
        "ann@example.com\r\nBcc: eve@example.com", "ann@example.com\nSubject: x", "a\r@example.com",
        "ann@example.com\u{0}", "ann@example.com\u{2028}x", "ann@example.com>", "<ann@example.com", "a nn@example.com",
        "ann@example.com,eve@example.com", "ann@example.com eve@example.com", "\"a\\r\\n\"@example.com",
        "ann@exam\u{85}ple.com", "ann@example.com> SIZE=1",
    ])
    func noAddressCarriesAnythingElse(_ address: String) async throws {
        expectError(try await ask(address), 422)
        #expect(mail.all.isEmpty)
    }

    @Test func oneMailboxIsNotFloodedWhateverStandsBesideItsName() async throws {
        for number in 0..<8 {
            let address = ["a.n.n+\(number)@example.com", "ann@example.com", "ANN+x@EXAMPLE.com"][number % 3]
            let reply = try await ask(address)
            #expect(reply.status == 202 && reply.text("status") == "code_sent")
        }
        #expect(mail.all.count == 5, "and nobody is told")
        _ = try await ask("bob@example.com")
        #expect(mail.all.count == 6)
    }

    @Test func allSessionsOfAUserAreOneHistoryAndEndTogether() async throws {
        let one = try #require(try await logIn().text("access_token"))
        let two = try #require(try await logIn().text("access_token"))
        #expect(await stage.post("/chat", token: one, #"{"message":"hello"}"#).status == 200)
        #expect(await count(two) == 1)
        let ended = await stage.send("DELETE", "/auth/sessions", token: one)
        #expect(ended.status == 200 && ended.json["ended"] as? Int == 2)
        expectError(await stage.get("/auth/session", token: two), 401)

        let three = try #require(try await logIn().text("access_token"))
        let deleted = await stage.send("DELETE", "/auth/account", token: three)
        #expect(deleted.status == 200 && deleted.json["deleted"] as? Int == 1)
        expectError(await stage.get("/auth/session", token: three), 401)
        let four = try #require(try await logIn().text("access_token"))
        #expect(await count(four) == 0)
    }

    @Test func aTypedAddressIsAnotherUser() async throws {
        let proved = try await logIn()
        let open = try await Stage()
        let typed = await open.post("/auth/email", #"{"email":"ann@example.com","code":"000000"}"#)
        #expect(typed.status == 200 && typed.json["proved"] as? Bool == false)
        #expect(typed.text("user_id") != proved.text("user_id"))
        let malformed = await open.post("/auth/email", #"{"email":"ann@example.com","code":"1"}"#)
        expectError(malformed, 422)
        expectError(await open.send("DELETE", "/auth/sessions", token: typed.text("access_token")), 403)
    }
}
