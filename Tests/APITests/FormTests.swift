import FastCGI
import Foundation
import Testing

@Suite(.timeLimit(.minutes(1))) struct FormTests {
    @Test func theFieldThatCarriesTheTextNamesTheDialect() async throws {
        let stage = try await Stage()
        let token = try await stage.logIn()
        let content = await stage.post("/chat", token: token, #"{"content":"hello"}"#)
        #expect(content.text("content") == "You asked." && content.text("id")?.hasPrefix("msg_") == true)
        let message = await stage.post("/chat", token: token, #"{"message":"hello","content":null}"#)
        #expect(message.text("response") == "You asked." && message.text("message_id")?.hasPrefix("msg_") == true)
        #expect(message.json["success"] as? Bool == true && message.json["cached"] as? Bool == true)
        #expect(message.text("model") == "scripted-1" && message.json["content"] == nil)
        let held = await stage.post("/chat", token: token, #"{"message":"'; DROP TABLE users; --"}"#)
        #expect(held.json["blocked"] as? Bool == true && held.json["model"] is NSNull)
    }

    @Test(arguments: [
        ("", 400), ("{", 400), (#"{"message":"a",}"#, 400), (#"{"message":"a","message":"b"}"#, 400), ("[]", 422),
        ("null", 422), ("{}", 422), (#"{"message":null}"#, 422), (#"{"message":5}"#, 422), (#"{"message":" "}"#, 422),
        (#"{"message":"a","content":"b"}"#, 422), (#"{"message":"a","stream":"yes"}"#, 422),
        (#"{"message":"a","user_id":""}"#, 422), (#"{"message":"a","user_id":5}"#, 422),
        (#"{"message":"a","user_id":"user_00000000000000000000000000000000"}"#, 403),
        (#"{"message":"a","conversation_id":"nonsense"}"#, 404),
        (#"{"message":"a","conversation_id":"conv_0000000000000001"}"#, 404),
        (#"{"message":"a","conversation_id":7}"#, 422),
    ])
    func aBodyThatBreaksARuleIsRefused(_ body: String, _ status: Int) async throws {
        let stage = try await Stage()
        let token = try await stage.logIn()
        expectError(await stage.post("/chat", token: token, body), status)
        #expect(await stage.get("/auth/session", token: token).number("messages_used") == 0, "no refusal counts")
    }

    @Test func aBodyThatDidNotComeIsRefused() async throws {
        let stage = try await Stage()
        let token = try await stage.logIn()
        let bodies: [(Request.Body, Int)] = [
            (.truncated(expected: 9, received: 3), 400), (.invalidLength, 400), (.tooLarge(limit: 131_072), 413),
        ]
        for (body, status) in bodies {
            expectError(await stage.send("POST", "/chat", token: token, body: body), status, "\(body)")
        }
    }

    @Test(arguments: [
        ("application/json", 200), ("Application/JSON; charset=UTF-8", 200),
        (#"application/json;charset="utf-8""#, 200),
        ("application/json; charset=latin1", 415), ("text/plain", 415), ("application/jsonx", 415), ("", 415),
    ])
    func theBodyIsJSONInUTF8(_ type: String, _ status: Int) async throws {
        let stage = try await Stage()
        let reply = await stage.post(
            "/chat", token: try await stage.logIn(), #"{"message":"a"}"#, headers: ["CONTENT_TYPE": type])
        #expect(reply.status == status)
    }

    @Test func tenThousandEscapedCharactersAreAQuestion() async throws {
        let stage = try await Stage()
        let text = String(repeating: #"\ud83d\ude00"#, count: 10_000)
        let body = #"{"message":"\#(text)"}"#
        #expect(body.utf8.count <= Limits().bodyBytes)
        let token = try await stage.logIn()
        #expect(await stage.post("/chat", token: token, body).status == 200)
        expectError(await stage.post("/chat", token: token, #"{"message":"\#(text)a"}"#), 422)
    }

    @Test(arguments: [
        ("text/event-stream", true), ("TEXT/Event-Stream", true), ("application/json, text/event-stream", true),
        ("text/event-stream;q=0.5", true), ("text/event-stream; charset=utf-8; q=1.000", true),
        ("text/event-stream;q=0", false), ("text/event-stream; Q=0.0", false), ("text/event-stream;q=0.000", false),
        ("application/json;q=0.9, text/event-stream;q=0.1", false),
        ("application/json, text/event-stream;q=0.9", false),
        ("application/json;q=0.1, text/event-stream;q=0.2", true), ("application/json;q=0, text/event-stream", true),
        ("*/*", false), ("text/*", false), ("", false), ("text/event-streams", false),
    ])
    func acceptAsksForEvents(_ accept: String, _ isStreamed: Bool) async throws {
        let stage = try await Stage()
        let token = try await stage.logIn()
        let reply = await stage.post("/chat", token: token, #"{"message":"a"}"#, headers: ["ACCEPT": accept])
        #expect(reply.status == 200)
        #expect((reply.header("content-type")?.hasPrefix("text/event-stream") == true) == isStreamed)
        for (flag, isStreamed) in [("true", true), ("false", false)] {
            let reply = await stage.post(
                "/chat", token: token, #"{"message":"a","stream":\#(flag)}"#, headers: ["ACCEPT": accept])
            #expect((reply.events.last?.name == "done") == isStreamed, "the body's word counts more")
        }
    }

    @Test(arguments: [
        "Basic x", "Bearer", "Bearer ", "Bearer a b", "Bearer x", "bearer", "",
    ])
    func whoSendsNoTokenIsAskedForOne(_ value: String) async throws {
        let stage = try await Stage()
        let reply = await stage.post("/chat", "not json", headers: ["AUTHORIZATION": value])
        expectError(reply, 401, "who comes before what")
        #expect(reply.header("www-authenticate") == "Bearer")
    }

    @Test(arguments: ["{}", #"{"email":5}"#, #"{"email":""}"#, #"{"email":"a@b"}"#])
    func aLoginNeedsAnAddress(_ body: String) async throws {
        expectError(try await Stage().post("/auth/email", body), 422)
    }

    @Test func aSessionEndsWithItsLogout() async throws {
        let stage = try await Stage()
        let token = try await stage.logIn()
        #expect(await stage.send("POST", "/auth/logout", token: token).json["success"] as? Bool == true)
        expectError(await stage.get("/auth/session", token: token), 401)
        expectError(await stage.send("POST", "/auth/logout", token: token), 401)
    }
}
