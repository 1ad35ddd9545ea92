import Chat
import StrictJSON
import Testing

@testable import Models

/// A chunk that is like an earlier one but for its text is not parsed, and nobody can tell.
@Suite(.timeLimit(.minutes(1))) struct ChunkPatternTests {
    private func chunk(_ text: String, model: String = "m") -> [UInt8] {
        JSONWriter.object(after: "data: ", before: "\n\n") { json in
            json.member("model", model)
            json.array("choices") { choices in
                choices.object { choice in
                    choice.object("delta") { delta in
                        delta.member("role", "assistant")
                        delta.member("content", text)
                    }
                    choice.member("finish_reason", String?.none)
                }
            }
        }
    }

    private var reader: ReplyReader<OpenAIReply> { ReplyReader(OpenAIReply(provider: "p", model: "m")) }

    @Test(arguments: [
        ["one", " two", " three"], ["a", "b\"c", "\\", "\n", "d\u{0}e", "é", "</b>", "f"],
        ["assistant", "role", "content", "m", "x"], ["m", "assistant", "model"], ["", "", "late"],
        ["a", "\",\"finish_reason\":\"stop\",\"x\":\"", "b"],
    ])
    func everyTextIsReadAsItWasWritten(_ texts: [String]) throws {
        var reader = reader
        for text in texts + texts { #expect(try reader.feed(chunk(text)) == text.filter { $0 != "\0" }) }
        #expect(reader.documents == 2 * texts.count)
        #expect(!reader.isFinished)
    }

    @Test func whatDiffersElsewhereIsParsed() throws {
        var reader = reader
        for number in 0..<40 {
            #expect(try reader.feed(chunk("word \(number)", model: "m\(number / 2)")) == "word \(number)")
            #expect(reader.format.draft.model == "m\(number / 2)")
        }
        #expect(throws: ModelFailure.self) { try reader.feed(Array("data: {\"error\":{\"message\":\"no\"}}\n\n".utf8)) }
    }

    @Test func aTextThatStandsElsewhereIsNoPattern() throws {
        func parts(model: String) -> [UInt8] {
            let (one, two) = (#"{"type":"text","text":"a"}"#, #"{"type":"text","text":"b"}"#)
            return Array(
                "data: {\"model\":\"\(model)\",\"choices\":[{\"delta\":{\"content\":[\(one),\(two)]}}]}\n\n".utf8)
        }
        var reader = reader
        #expect(try reader.feed(parts(model: "ab")) == "ab")
        #expect(try reader.feed(parts(model: "cd")) == "ab")
    }

    @Test func bytesThatAreNoTextAreRefusedAsEver() throws {
        var reader = reader
        #expect(try reader.feed(chunk("word")) == "word")
        var broken = chunk("w?rd")
        broken[try #require(broken.firstIndex(of: UInt8(ascii: "?")))] = 0xFF
        #expect(throws: ModelFailure.self) { try reader.feed(broken) }
    }
}
