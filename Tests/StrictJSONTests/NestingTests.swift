import Glibc
import StrictJSON
import Support
import Testing

@Suite(.timeLimit(.minutes(1))) struct NestingTests {
    private static func nested(_ depth: Int) -> [UInt8] {
        Array((String(repeating: #"{"a":["#, count: depth / 2) + String(repeating: "]}", count: depth / 2)).utf8)
    }

    @Test func readsTheDeepestTextAllowedOnASmallStack() {
        let bytes = Self.nested(JSON.maximumDepth)
        onSmallStack {
            let json = try? JSON(parsing: bytes)
            #expect(json.map { JSONWriter.value($0) } == bytes)
        }
    }

    @Test func refusesOneLevelMore() {
        expectRefusal(Array("[".utf8) + Self.nested(JSON.maximumDepth) + Array("]".utf8), "nesting too deep")
    }

    @Test(arguments: ["[", #"{"a":"#, #"[{"":"#])
    func refusesHundredsOfThousandsOfOpenings(_ opening: String) {
        let bytes = Array(String(repeating: opening, count: 250_000).utf8)
        onSmallStack { expectRefusal(bytes, "nesting too deep") }
    }

    @Test func bracketsInStringsDoNotCount() throws {
        let text = String(repeating: #"[{\"\\"#, count: 500)
        #expect(try JSON(parsing: Array("[\"\(text)\"]".utf8))[0]?.string?.utf8.count == 500 * 4)
    }

    @Test func threadsMayReadFirstAllAtOnce() async {
        await withTaskGroup(of: JSON?.self) { group in
            for _ in 0..<16 { group.addTask { try? JSON(parsing: Array(#"{"a":1}"#.utf8)) } }
            for await json in group { #expect(json == .object(["a": .int(1)])) }
        }
    }
}
