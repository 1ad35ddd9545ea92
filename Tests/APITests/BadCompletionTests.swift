import Chat
import FastCGI
import Foundation
import Support
import Synchronization
import Testing

/// What nobody should send to POST /v1/chat/completions: OpenAI's error object with a 4xx each time, and soon.
@Suite(.timeLimit(.minutes(1))) struct BadCompletionTests {
    static let question = #""model":"scripted-1","messages":[{"role":"user","content":"hello"}]"#

    private func send(_ body: [UInt8], to stage: Stage, _ token: String) async -> Reply {
        await stage.send("POST", "/v1/chat/completions", token: token, body: .complete(body))
    }

    /// Each document as the body, as a member that nobody knows, and as a text.
    @Test(.disabled(if: JSONTestSuite.isMissing, "JSONTestSuite is not beside the repository"))
    func isAtOddsWithNoDocumentOfJSONTestSuite() async throws {
        let stage = try await Stage(messageLimit: 10_000)
        let token = try await stage.logIn()
        #expect(JSONTestSuite.documents.count >= 316)
        for document in JSONTestSuite.documents {
            for (before, after) in [
                ("", ""), (#"{\#(Self.question),"never_heard_of":"#, "}"),
                (#"{"model":"scripted-1","messages":[{"role":"user","content":"#, "}]}"),
            ] {
                let reply = await send(Array(before.utf8) + document.bytes + Array(after.utf8), to: stage, token)
                let isRefused = reply.status == 400 && reply.openAIError != nil
                if document.expect == "reject" {
                    #expect(isRefused, "\(document.name) after \(before): \(reply.body)")
                } else {
                    #expect(isRefused || reply.status == 200, "\(document.name) after \(before): \(reply.body)")
                }
            }
        }
    }

    @Test func bytesAndNumbersThatAreNoneAreRefused() async throws {
        let stage = try await Stage()
        let token = try await stage.logIn()
        let bodies: [(String, [UInt8])] = [
            (
                "invalid UTF-8",
                Array(#"{"model":"scripted-1","messages":[{"role":"user","content":""#.utf8) + [0xC3, 0x28]
                    + Array(#""}]}"#.utf8)
            ),
            (
                "a lone surrogate",
                Array(#"{"model":"scripted-1","messages":[{"role":"user","content":"\ud83d"}]}"#.utf8)
            ),
            ("NaN", Array(#"{\#(Self.question),"temperature":NaN}"#.utf8)),
            ("Infinity", Array(#"{\#(Self.question),"temperature":-Infinity}"#.utf8)),
            ("huge", Array(#"{\#(Self.question),"temperature":1e999}"#.utf8)),
            ("a huge integer", Array(#"{\#(Self.question),"seed":\#(String(repeating: "9", count: 1_000))}"#.utf8)),
            (
                "deep",
                Array(#"{\#(Self.question),"metadata":"#.utf8) + Array(repeating: UInt8(ascii: "["), count: 100_000)
            ),
            (
                "deep and closed",
                Array(
                    #"{\#(Self.question),"metadata":\#(String(repeating: #"{"a":"#, count: 50_000))1"#.utf8)
                    + Array(repeating: UInt8(ascii: "}"), count: 50_001)
            ),
            (
                "a deep schema",
                Array(
                    #"{\#(Self.question),"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":"#
                        .utf8)
                    + Array(String(repeating: #"{"a":"#, count: 200).utf8) + Array("1".utf8)
                    + Array(repeating: UInt8(ascii: "}"), count: 203)
            ),
        ]
        for (name, body) in bodies {
            let reply = await send(body, to: stage, token)
            #expect(
                reply.status == 400 && reply.openAIError != nil, "\(name): \(reply.status) \(reply.body.prefix(300))")
        }
        #expect(stage.model.requests.withLock { $0.isEmpty })
    }

    @Test(arguments: [
        (#"{"role":null,"content":"a"}"#, "messages[0].role"), (#"{"role":5,"content":"a"}"#, "messages[0].role"),
        (#"{"role":"User","content":"a"}"#, "messages[0].role"), (#"{"content":"a"}"#, "messages[0].role"),
        ("null", "messages[0].role"), ("[]", "messages[0].role"),
        (#"{"role":"user","content":null}"#, "messages[0].content"),
        (#"{"role":"user","content":{"type":"text","text":"a"}}"#, "messages[0].content"),
        (#"{"role":"user","content":[5]}"#, "messages[0].content[0].type"),
        (#"{"role":"user","content":[{"type":"text"}]}"#, "messages[0].content[0].text"),
        (#"{"role":"user","content":[{"type":"text","text":null}]}"#, "messages[0].content[0].text"),
        (#"{"role":"tool","content":"a"}"#, "messages[0].tool_call_id"),
        (#"{"role":"tool","tool_call_id":7,"content":"a"}"#, "messages[0].tool_call_id"),
        (#"{"role":"tool","tool_call_id":"c","content":"a"}"#, "messages[0].tool_call_id"),
        (#"{"role":"assistant","tool_calls":{"id":"c"}}"#, "messages[0].tool_calls"),
        (#"{"role":"assistant","tool_calls":["c"]}"#, "messages[0].tool_calls[0].id"),
        (
            #"{"role":"assistant","tool_calls":[\#(call),\#(call)]},{"role":"tool","tool_call_id":"c","content":"a"}"#,
            "messages[0].tool_calls[1].id"
        ),
        (
            #"{"role":"assistant","tool_calls":[\#(call)]},{"role":"user","content":"a"}"#, "messages[0].tool_calls"
        ),
        (
            #"{"role":"assistant","tool_calls":[\#(call)]},\#(result),\#(result)"#, "messages[2].tool_call_id"
        ),
        (#"\#(result),{"role":"assistant","tool_calls":[\#(call)]}"#, "messages[0].tool_call_id"),
    ])
    func aMessageThatIsNoneIsNamed(_ messages: String, _ param: String) async throws {
        let stage = try await Stage()
        let reply = await send(
            Array(#"{"model":"scripted-1","messages":[\#(messages)]}"#.utf8), to: stage, try await stage.logIn())
        #expect(reply.status == 400 && reply.openAIError?["param"] as? String == param, "\(reply.body)")
    }

    private static let call = #"{"id":"c","type":"function","function":{"name":"weather","arguments":"{}"}}"#
    private static let result = #"{"role":"tool","tool_call_id":"c","content":"rain"}"#

    @Test func aMegabyteAndTenThousandMessagesAreTaken() async throws {
        let stage = try await Stage()
        let token = try await stage.logIn()
        let long = String(repeating: "a", count: 1_000_000)
        let turns = (0..<5_000).map {
            #"{"role":"user","content":"question \#($0)"},{"role":"assistant","content":"answer"}"#
        }
        let calls = (0..<5_000).map {
            #"{"role":"assistant","tool_calls":[\#(Self.call)]},{"role":"tool","tool_call_id":"c","content":"\#($0)"}"#
        }
        let last = #"{"role":"user","content":"hello"}"#
        let clock = ContinuousClock()
        for messages in [
            #"{"role":"user","content":"\#(long)"}"#, #"{"role":"system","content":"\#(long)"},\#(last)"#,
            turns.joined(separator: ",") + "," + last, calls.joined(separator: ",") + "," + last,
        ] {
            let body = Array(#"{"model":"scripted-1","messages":[\#(messages)]}"#.utf8)
            var reply: Reply?
            let time = await clock.measure { reply = await send(body, to: stage, token) }
            #expect(reply?.status == 200 && time < .seconds(20), "\(time): \(reply?.body.prefix(300) ?? "")")
        }
        #expect(stage.model.requests.withLock { $0.map(\.messages.count) } == [1, 2, 10_001, 10_001])
    }
}
