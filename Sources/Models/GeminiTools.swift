internal import Chat
internal import StrictJSON

/// OpenAI's tools and calls in Gemini's own form (ai.google.dev/gemini-api/docs/function-calling).
enum GeminiTools {
    /// What Google accepts in place of a mark that was lost, or never made as another model asked for the call
    /// (ai.google.dev/gemini-api/docs/thought-signatures).
    private static let noSignature = "skip_thought_signature_validator"

    static func write(_ tools: Tools, to json: inout JSONWriter.Members) {
        json.array("tools") { list in
            list.object { json in
                json.array("functionDeclarations") { declarations in
                    for tool in RawJSON(parsed: tools.definitions).elements {
                        guard let function = tool["function"] else { continue }
                        declarations.object { json in
                            if let name = function["name"] { json.member("name", name) }
                            json.member("description", description(of: function))
                            if let schema = function["parameters"], schema.text != "null" {
                                json.member("parametersJsonSchema", schema)
                            }
                        }
                    }
                }
            }
        }
        guard let choice = tools.choice.flatMap({ try? JSON(parsing: Array($0.utf8)) }) else { return }
        let (mode, names) = config(choice)
        json.object("toolConfig") { json in
            json.object("functionCallingConfig") { json in
                json.member("mode", mode)
                if !names.isEmpty {
                    json.array("allowedFunctionNames") { list in
                        for name in names { list.element(name) }
                    }
                }
            }
        }
    }

    private static func description(of function: RawJSON) -> String {
        (try? JSON(parsing: Array((function["description"]?.text ?? "").utf8)))?.string ?? ""
    }

    /// Names go with ANY, and with VALIDATED where the model may also answer in words.
    private static func config(_ choice: JSON) -> (mode: String, names: [String]) {
        switch choice.string {
        case "none"?: return ("NONE", [])
        case "required"?: return ("ANY", [])
        case _?: return ("AUTO", [])
        case nil: break
        }
        if let name = choice["function"]?["name"]?.string { return ("ANY", [name]) }
        let allowed = choice["allowed_tools"]
        let names = (allowed?["tools"]?.array ?? []).compactMap { $0["function"]?["name"]?.string }
        return (allowed?["mode"]?.string == "required" ? "ANY" : "VALIDATED", names)
    }

    /// The parts of a message that asked for calls.
    ///
    /// - Parameters:
    ///   - names: gets the names of the calls by their ids.
    ///   - needsSignature: the model refuses a history without marks.
    static func write(
        calls text: String, to parts: inout JSONWriter.Elements, _ names: inout [String: String], needsSignature: Bool
    ) {
        let calls = (try? JSON(parsing: Array(text.utf8)))?.array ?? []
        let signatures = calls.map { $0["extra_content"]?["google"]?["thought_signature"]?.string }
        let isMarked = signatures.contains { $0 != nil }
        for (index, call) in calls.enumerated() {
            let (id, name) = (call["id"]?.string ?? "", call["function"]?["name"]?.string ?? "")
            names[id] = name
            parts.object { part in
                part.object("functionCall") { json in
                    json.member("id", id)
                    json.member("name", name)
                    json.member("args", object(call["function"]?["arguments"]?.string ?? "", else: "arguments"))
                }
                if let signature = signatures[index] {
                    part.member("thoughtSignature", signature)
                } else if index == 0, needsSignature, !isMarked {
                    part.member("thoughtSignature", noSignature)
                }
            }
        }
    }

    static func write(result message: ChatMessage, of name: String, to parts: inout JSONWriter.Elements) {
        parts.object { part in
            part.object("functionResponse") { json in
                json.member("id", message.toolCallID ?? "")
                json.member("name", name)
                json.member("response", object(message.text, else: "result"))
            }
        }
    }

    /// Gemini takes objects only: one that a text is, as it was written, or else one with the text in it.
    private static func object(_ text: String, else name: StaticString) -> RawJSON {
        if (try? JSON(parsing: Array(text.utf8)))?.object != nil { return RawJSON(parsed: text) }
        let isEmpty = !text.contains { !$0.isWhitespace }
        return RawJSON(parsed: JSONWriter.object(escapes: .plain) { if !isEmpty { $0.member(name, text) } })
    }
}
