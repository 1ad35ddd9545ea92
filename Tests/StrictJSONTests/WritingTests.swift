import StrictJSON
import Testing

@Suite(.timeLimit(.minutes(1))) struct WritingTests {
    @Test func writesMembersArraysAndObjectsWithTheirCommas() {
        let bytes = JSONWriter.object { json in
            json.member("model", "x")
            json.member("n", 1)
            json.member("t", 0.7)
            json.member("stream", true)
            json.member("sure", 2)
            json.member("known", "y" as String?)
            json.member("unknown", nil as Int?)
            json.array("messages") { array in
                array.object { $0.member("role", "user") }
                array.element("text")
                array.array {
                    $0.element(1)
                    $0.element(2)
                }
                array.array { _ in }
            }
            json.object("options") { $0.member("a", 1) }
            json.object("none") { _ in }
            json.member("raw", JSON.object(["b": .null, "a": .array([.bool(false), .double(2)])]))
        }
        let expected =
            #"{"model":"x","n":1,"t":0.7,"stream":true,"sure":2,"known":"y","unknown":null,"#
            + #""messages":[{"role":"user"},"text",[1,2],[]],"#
            + #""options":{"a":1},"none":{},"raw":{"a":[false,2.0],"b":null}}"#
        #expect(String(decoding: bytes, as: UTF8.self) == expected)
    }

    @Test func writesATopLevelArray() {
        #expect(
            JSONWriter.array {
                $0.element("a")
                $0.object { _ in }
            } == Array(#"["a",{}]"#.utf8))
        #expect(JSONWriter.array { _ in } == Array("[]".utf8))
    }

    @Test(arguments: [
        ("", #""""#), ("a", #""a""#), ("\"\\/", #""\"\\/""#), ("\u{8}\t\n\u{c}\r", #""\b\t\n\f\r""#),
        ("\0\u{1}\u{1f}\u{7f}", "\"\\u0000\\u0001\\u001f\u{7f}\""), ("é\u{2027}😀", "\"é\u{2027}😀\""),
        ("12345678\"", #""12345678\"""#), ("1234567\"1234567\n", #""1234567\"1234567\n""#),
        ("        ", "\"        \""), ("~~~~~~~~!!!!!!!!", "\"~~~~~~~~!!!!!!!!\""),
    ])
    func escapesOnlyWhatItMust(_ text: String, _ expected: String) {
        #expect(String(decoding: JSONWriter.value(text), as: UTF8.self) == expected)
    }

    /// So that a page may have the text in a `<script>`.
    @Test(arguments: [
        ("<b> & </b>", #""\u003cb\u003e \u0026 \u003c/b\u003e""#), ("12345678<", #""12345678\u003c""#),
        ("a\u{2028}b\u{2029}", #""a\u2028b\u2029""#), ("1234567\u{2028}1234567", #""1234567\u20281234567""#),
        ("\u{2027}\u{202A}€\u{E228}", "\"\u{2027}\u{202A}€\u{E228}\""),
    ])
    func escapesWhatAPageWouldTakeForMore(_ text: String, _ expected: String) throws {
        #expect(String(decoding: JSONWriter.value(text), as: UTF8.self) == expected)
        #expect(try JSON(parsing: JSONWriter.value(text)).string == text)
        let raw = RawJSON(parsed: JSONWriter.value(text, escapes: .plain))
        #expect(raw.text == "\"\(text)\"")
        #expect(String(decoding: JSONWriter.value(raw), as: UTF8.self) == expected)
        #expect(JSONWriter.value(raw, escapes: .plain) == Array(raw.text.utf8))
    }

    @Test(arguments: [
        (0.0, "0.0"), (-0.0, "-0.0"), (0.1, "0.1"), (1e16, "1e+16"), (.leastNonzeroMagnitude, "5e-324"), (.nan, "null"),
        (.infinity, "null"), (-.infinity, "null"), (123456.75, "123456.75"),
    ])
    func writesTheShortestNumber(_ number: Double, _ expected: String) {
        #expect(String(decoding: JSONWriter.value(number), as: UTF8.self) == expected)
    }

    @Test(arguments: [0, 7, -7, 10, 1_000_000, .max, .min] as [Int64])
    func writesIntegersWhole(_ number: Int64) throws {
        #expect(JSONWriter.value(number) == Array("\(number)".utf8))
    }

    @Test func escapesAtEveryPositionOfALongRun() throws {
        for scalar in (0..<0x250).compactMap(Unicode.Scalar.init) {
            for before in 0..<18 {
                let text =
                    String(repeating: "é", count: before / 2) + String(repeating: "a", count: before % 2 + 7)
                    + String(Character(scalar)) + "0123456789"
                let name = text.filter { $0 != "\0" }
                let read = try JSON(parsing: JSONWriter.object { $0.member(named: name, text) })
                #expect(read[name]?.string?.unicodeScalars.elementsEqual(text.unicodeScalars) == true)
            }
        }
    }

    /// However little was set aside for it.
    @Test(arguments: [0, 1, 64, 100_000]) func growsWithItsText(_ capacity: Int) throws {
        let texts = (0..<200).map { String(repeating: "\u{1}é", count: $0) }
        let written = JSONWriter.object(capacity: capacity) { json in
            json.array("texts") { array in
                for text in texts { array.object { $0.member("text", text) } }
            }
            json.member("n", Int.min)
        }
        #expect(try JSON(parsing: written)["texts"]?.array?.map { $0["text"]?.string } == texts)
    }

    @Test(arguments: [
        (0, "0"), (1, "0.001"), (-1, "-0.001"), (20, "0.02"), (300, "0.3"), (999, "0.999"), (1_000, "1"),
        (12_340, "12.34"),
        (-12_034, "-12.034"), (.min, "-9223372036854775.808"),
    ])
    func thousandths(_ count: Int, _ text: String) {
        #expect(String(decoding: JSONWriter.value(JSONThousandths(count)), as: UTF8.self) == text)
    }

    @Test func readsBackWhatItWrote() throws {
        let json = JSON.object([
            "text": .string("line\nquote\" back\\ nul\0 ü 漢 😀"), "n": .int(.min), "d": .double(1.0 / 3),
            "e": .array([]),
            "deep": .array([.object(["x": .null]), .bool(true), .double(1e300), .double(-2.5e-10)]), "": .string(""),
        ])
        #expect(try JSON(parsing: JSONWriter.value(json)) == json)
    }

    @Test func aThrowingBodyGivesNoText() {
        struct Refused: Error {}
        #expect(throws: Refused.self) {
            try JSONWriter.object { json throws(Refused) in try json.array("a") { _ throws(Refused) in throw Refused() }
            }
        }
    }
}
