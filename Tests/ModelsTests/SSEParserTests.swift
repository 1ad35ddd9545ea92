import Testing

@testable import Models

@Suite(.timeLimit(.minutes(1))) struct SSEParserTests {
    static let streams: [(String, [String])] = [
        ("data: one\n\ndata: two\n\n", ["one", "two"]),
        ("data: one\r\n\r\ndata: two\r\n\r\n", ["one", "two"]),
        ("data: one\r\rdata: two\r\r", ["one", "two"]),
        ("data: a\ndata: b\ndata\n\n", ["a\nb\n"]),
        ("data:no space\ndata:  two spaces\n\n", ["no space\n two spaces"]),
        ("\u{FEFF}data: after a mark\n\n", ["after a mark"]),
        (": comment\n\n:\n\ndata: x\n\n", ["x"]),
        ("event: done\nid: 7\nretry: 10\ndata: x\n\nevent: none\n\n", ["x"]),
        ("data\n\n", [""]),
        ("data: a:b\n\n", ["a:b"]),
        ("data: unfinished", ["unfinished"]),
        ("data: unfinished\n", ["unfinished"]),
        ("data: é😀\r\n\r\n", ["é😀"]),
        ("\n\r\n\r", []),
        ("", []),
    ]

    @Test(arguments: streams)
    func givesTheSameEventsForEveryPortioning(stream: String, expected: [String]) throws {
        let bytes = Array(stream.utf8)
        for size in 1...max(1, bytes.count) {
            var parser = SSEParser()
            var events: [[UInt8]] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                events += try parser.feed(Array(bytes[start..<min(start + size, bytes.count)]))
            }
            if let last = parser.finish() { events.append(last) }
            #expect(events.map { String(decoding: $0, as: UTF8.self) } == expected, "portions of \(size)")
        }
    }

    @Test func completesAnEventAtItsCarriageReturn() throws {
        var parser = SSEParser()
        #expect(try parser.feed(Array("data: x\r\r".utf8)).count == 1)
    }

    @Test(arguments: ["data: ", ": ", ""])
    func refusesALineWithoutEnd(prefix: String) throws {
        var parser = SSEParser()
        let half = [UInt8](repeating: 0x78, count: SSEParser.maximumEventBytes / 2)
        _ = try parser.feed(Array(prefix.utf8) + half)
        #expect(throws: SSEParser.EventTooLarge.self) { try parser.feed(half + [0x78]) }
    }

    @Test func refusesAnEventOfTooManyLines() throws {
        var parser = SSEParser()
        let line = Array("data: ".utf8) + [UInt8](repeating: 0x78, count: 1000) + [0x0A]
        #expect(throws: SSEParser.EventTooLarge.self) {
            for _ in 0...1100 { _ = try parser.feed(line) }
        }
    }

    @Test func countsLinesThatAreNoFields() throws {
        var parser = SSEParser()
        _ = try parser.feed(Array("<html>\n: comment\ndata: x\nretry: 1\n\n".utf8))
        #expect(parser.foreignLines == 1)
    }
}
