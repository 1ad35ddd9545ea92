import StrictJSON
import Support
import Testing

@Suite(.timeLimit(.minutes(1))) struct ReadingTests {
    @Test(arguments: [
        ("null", JSON.null), ("true", .bool(true)), (" false ", .bool(false)), ("0", .int(0)), ("-0", .int(0)),
        ("9223372036854775807", .int(.max)), ("-9223372036854775808", .int(.min)), ("1.0", .double(1)),
        ("1E2", .double(100)), ("1e-400", .double(0)), (#""""#, .string("")), (#""a\u0000b""#, .string("a\0b")),
        (#""\ud83d\ude00""#, .string("😀")), (#""\"\\\/\b\f\n\r\t""#, .string("\"\\/\u{8}\u{c}\n\r\t")),
        ("[]", .array([])), ("{}", .object([:])), ("[1,[2]]\n", .array([.int(1), .array([.int(2)])])),
        (#"{"a":{"b":null}}"#, .object(["a": .object(["b": .null])])),
        (#"{"\\u0000":"\u0000"}"#, .object([#"\u0000"#: .string("\0")])),
    ])
    func reads(_ text: String, as expected: JSON) throws {
        #expect(try JSON(parsing: [UInt8](text.utf8)) == expected)
    }

    @Test(arguments: [
        ("", "unexpected end"), ("  ", "unexpected end"), ("[1", "unexpected end"), ("[1,]", "invalid syntax"),
        (#"{"a":1,}"#, "invalid syntax"), ("\u{FEFF}{}", "invalid syntax"), ("{} {}", "unexpected text"),
        ("1 2", "unexpected text"), (#"{"a":1,"a":2}"#, "duplicate member"),
        (#"{"a":1,"\u0061":2}"#, "duplicate member"),
        (#"{"a\u0000b":1}"#, "U+0000 in a member's name"), (#"{"é":1,"e\u0301":2}"#, "duplicate member"),
        (#""\ud800""#, "invalid"), (#""\udc00""#, "invalid"), (#""\ud800\u0041""#, "invalid"), ("NaN", "invalid"),
        ("Infinity", "invalid"), ("+1", "invalid"), ("01", ""), (".5", "invalid"), ("1.", "invalid"),
        ("'a'", "invalid"), ("{a:1}", "invalid"), ("\"a\nb\"", "invalid"), ("\"a\u{1}\"", "invalid"),
        ("[1] // one", "unexpected text"), ("9223372036854775808", "out of range"), ("1e400", "out of range"),
        ("\0", "invalid"), ("{}\0", "invalid"), ("1\u{0}2", "invalid"), ("\"a\0b\"", "invalid"),
        (#""\x41""#, "invalid"),
    ])
    func refuses(_ text: String, saying problem: String) {
        expectRefusal([UInt8](text.utf8), problem)
    }

    @Test(arguments: [
        [0x22, 0xC0, 0xAF, 0x22], [0x22, 0xE0, 0x80, 0xAF, 0x22], [0x22, 0xF0, 0x80, 0x80, 0xAF, 0x22],
        [0x22, 0xED, 0xA0, 0x80, 0x22], [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], [0x22, 0xFF, 0x22],
        [0x22, 0xE2, 0x82, 0x22],
    ])
    func refusesMalformedUTF8(_ bytes: [UInt8]) {
        expectRefusal(bytes, "invalid UTF-8")
    }

    @Test func refusesUTF16() {
        expectRefusal([0xFF, 0xFE, 0x31, 0x00], "invalid")
        expectRefusal([0x00, 0x5B, 0x00, 0x5D], "invalid")
        expectRefusal([0x5B, 0x00, 0x5D, 0x00], "invalid")
    }

    @Test func saysWhereTheTextBreaks() throws {
        let error = #expect(throws: JSONError.self) { try JSON(parsing: Array(#"{"ab":1,"ab":2}"#.utf8)) }
        #expect(error?.message == "duplicate member near byte \(error?.offset ?? -1)")
        #expect((7...13).contains(error?.offset ?? -1))
    }

    @Test func givesValuesByNameIndexAndKind() throws {
        let json = try JSON(parsing: Array(#"{"s":"x","n":1,"d":0.5,"b":true,"z":null,"a":[1,2]}"#.utf8))
        #expect(json["s"]?.string == "x" && json["n"]?.int == 1 && json["n"]?.double == 1 && json["d"]?.double == 0.5)
        #expect(json["b"]?.bool == true && json["z"]?.isNull == true && json["a"]?[1]?.int == 2)
        #expect(json["none"] == nil && json["a"]?[2] == nil && json["a"]?[-1] == nil && json["s"]?["x"] == nil)
        #expect(json["d"]?.int == nil && json["s"]?.int == nil && json["n"]?.bool == nil)
    }

    @Test func isTolerantOnlyOnDemandAndOnlyOfWhatItSays() throws {
        let odd = Array(#"{"a":1,"a":2,"big":18446744073709551616,"real":1.5,"whole":3}"#.utf8)
        #expect(throws: JSONError.self) { try JSON(parsing: odd) }
        let json = try JSON(parsing: odd, .tolerant)
        #expect(json["a"]?.int == 2 && json["whole"]?.int == 3)
        #expect(json["big"] == .double(0x1p64) && json["real"] == .double(1.5))
        for text in [#"{"a":1,}"#, "[1] 2", #"["\ud800"]"#, "NaN", ""] {
            #expect(throws: JSONError.self) { try JSON(parsing: Array(text.utf8), .tolerant) }
        }
    }

    @Test(.disabled(if: JSONTestSuite.isMissing, "JSONTestSuite is not beside the repository"))
    func agreesWithJSONTestSuite() {
        let stricter = ["duplicated_key", "escaped_null_in_key"]
        #expect(JSONTestSuite.documents.count >= 316)
        for document in JSONTestSuite.documents {
            let accepted = (try? JSON(parsing: document.bytes)) != nil
            switch document.expect {
            case "accept" where stricter.contains { document.name.contains($0) }:
                #expect(!accepted, "\(document.name) is stricter here")
            case "accept": #expect(accepted, "\(document.name) must be accepted")
            case "reject": #expect(!accepted, "\(document.name) must be refused")
            default: break
            }
        }
    }
}

/// Refused, near a byte of the text, in words that say the problem and never name what the parser is made of.
func expectRefusal(_ bytes: [UInt8], _ problem: String, sourceLocation: SourceLocation = #_sourceLocation) {
    let error = #expect(throws: JSONError.self, sourceLocation: sourceLocation) { try JSON(parsing: bytes) }
    guard let error else { return }
    #expect(error.message.contains(problem), sourceLocation: sourceLocation)
    #expect((0...bytes.count).contains(error.offset), sourceLocation: sourceLocation)
    #expect(
        !error.message.lowercased().contains("jansson") && !error.message.contains("json_"),
        sourceLocation: sourceLocation)
}
