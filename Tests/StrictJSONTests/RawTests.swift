import StrictJSON
import Testing

/// Values as they were written.
@Suite(.timeLimit(.minutes(1))) struct RawTests {
    @Test func keepsTheOrderTheDigitsAndTheBlanks() {
        let raw = RawJSON(
            parsed: #" { "b" : [ {"z":1.0,"a":1e2} , "]},\"" , [ ] , -3 ] ,"\u0061":{ "x" : null }, "t":true} "#)
        #expect(raw["b"]?.text == #"[ {"z":1.0,"a":1e2} , "]},\"" , [ ] , -3 ]"#)
        #expect(raw["b"]?.elements.map(\.text) == [#"{"z":1.0,"a":1e2}"#, #""]},\"""#, "[ ]", "-3"])
        #expect(raw["b"]?.elements[0]["a"]?.text == "1e2")
        #expect(raw["a"]?.text == #"{ "x" : null }"# && raw["a"]?["x"]?.text == "null" && raw["t"]?.text == "true")
        #expect(
            raw["none"] == nil && raw["b"]?["z"] == nil && raw.elements.isEmpty && raw["b"]?.elements[2].elements == [])
        #expect(JSONWriter.value(raw["a"]!) == Array(#"{ "x" : null }"#.utf8))
    }

    @Test(arguments: ["", "{", #"{"a"#, #"{"a":"#, #"{"a":[1,"#, "[", #"["\"#, "]", ","])
    func readsNothingFromWhatIsNoJSON(_ text: String) {
        let raw = RawJSON(parsed: text)
        _ = raw.elements.map(\.text)
        #expect(raw["b"] == nil)
    }
}
