import Chat
import StrictJSON

/// The tools of a request to POST /v1/chat/completions: checked here, and passed on as they were written.
struct ToolForm {
    private static let mostTools = 128
    private static let longestName = 64

    private let json: JSON
    private let written: RawJSON

    init(_ json: JSON, written: RawJSON) {
        self.json = json
        self.written = written
    }

    /// - Returns: nil when there are none.
    func tools() throws(ChatError) -> Tools? {
        let names = try names()
        let parallel = try json.flag("parallel_tool_calls")
        let choice = json.member("tool_choice")
        guard !names.isEmpty, let definitions = written["tools"]?.text else {
            guard choice == nil || ["none", "auto"].contains(choice?.string) else {
                throw .invalid("tool_choice", "must be none or auto where there are no tools")
            }
            return nil
        }
        if let choice { try check(choice, names) }
        return Tools(
            definitions: definitions, choice: choice == nil ? nil : written["tool_choice"]?.text,
            parallelCalls: parallel)
    }

    private func names() throws(ChatError) -> Set<String> {
        guard let value = json.member("tools") else { return [] }
        guard let tools = value.array, tools.count <= Self.mostTools else {
            throw .invalid("tools", "must be an array of at most \(Self.mostTools)")
        }
        var names: Set<String> = []
        for (index, tool) in tools.enumerated() {
            let field = "tools[\(index)]"
            switch tool["type"]?.string {
            case "function": break
            case "custom": throw .unsupported("\(field).type", "must be function")
            default: throw .invalid("\(field).type", "must be function")
            }
            let name = try Self.name(tool["function"], "\(field).function")
            guard names.insert(name).inserted else {
                throw .invalid("\(field).function.name", "must not be another tool's name, \(name)")
            }
        }
        return names
    }

    private static func name(_ function: JSON?, _ field: String) throws(ChatError) -> String {
        guard let function, function.object != nil else { throw .invalid(field, "must be an object") }
        guard let name = function["name"]?.string, (1...longestName).contains(name.utf8.count),
            name.utf8.allSatisfy(isNameByte)
        else {
            throw .invalid("\(field).name", "must have 1 to \(longestName) letters, digits, underscores and hyphens")
        }
        guard function.member("description").map({ $0.string != nil }) ?? true else {
            throw .invalid("\(field).description", "must be a string")
        }
        guard function.member("parameters").map({ $0.object != nil }) ?? true else {
            throw .invalid("\(field).parameters", "must be a JSON schema")
        }
        return name
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    private func check(_ choice: JSON, _ names: Set<String>) throws(ChatError) {
        if let word = choice.string {
            guard ["none", "auto", "required"].contains(word) else {
                throw .invalid("tool_choice", "must be none, auto, required or an object")
            }
            return
        }
        var chosen: [(name: JSON?, field: String)] = []
        switch choice["type"]?.string {
        case "function": chosen = [(choice["function"]?["name"], "tool_choice.function.name")]
        case "allowed_tools":
            let allowed = choice["allowed_tools"]
            guard ["auto", "required"].contains(allowed?["mode"]?.string) else {
                throw .invalid("tool_choice.allowed_tools.mode", "must be auto or required")
            }
            let tools = allowed?["tools"]?.array ?? []
            guard !tools.isEmpty else { throw .invalid("tool_choice.allowed_tools.tools", "must name a tool") }
            chosen = tools.enumerated().map { index, tool in
                (tool["function"]?["name"], "tool_choice.allowed_tools.tools[\(index)].function.name")
            }
        default: throw .invalid("tool_choice.type", "must be function or allowed_tools")
        }
        for (name, field) in chosen where name?.string.map(names.contains) != true {
            throw .invalid(field, "must be the name of one of the tools")
        }
    }
}

extension ToolForm {
    /// Checks what an assistant's message asked for.
    ///
    /// - Returns: whether there was anything.
    static func hasCalls(_ value: JSON?, _ field: String) throws(ChatError) -> Bool {
        guard let value else { return false }
        guard let calls = value.array else { throw .invalid(field, "must be an array") }
        var ids: Set<String> = []
        for (index, call) in calls.enumerated() {
            let field = "\(field)[\(index)]"
            guard let id = call["id"]?.string, !id.isEmpty, ids.insert(id).inserted else {
                throw .invalid("\(field).id", "must be a string that no other call has")
            }
            guard call["type"]?.string ?? "function" == "function" else {
                throw .unsupported("\(field).type", "must be function")
            }
            guard call["function"]?["name"]?.string?.isEmpty == false else {
                throw .invalid("\(field).function.name", "is required")
            }
            guard call["function"]?["arguments"]?.string != nil else {
                throw .invalid("\(field).function.arguments", "must be a string")
            }
        }
        return !calls.isEmpty
    }

    /// Every result follows its call, and every call has its result before anything else is said.
    ///
    /// - Parameter list: what `messages` were made of.
    static func checkCalls(in messages: [ChatMessage], of list: [JSON]) throws(ChatError) {
        var open: (field: String, all: [String?], ids: Set<String>) = ("", [], [])
        for (index, message) in messages.enumerated() {
            if let id = message.toolCallID {
                guard open.ids.remove(id) != nil else {
                    throw .invalid(
                        "messages[\(index)].tool_call_id",
                        "must be the id of a call in the assistant's message before it")
                }
                continue
            }
            guard open.ids.isEmpty else { break }
            guard message.toolCalls != nil, let calls = list[index]["tool_calls"]?.array else { continue }
            let ids = calls.map { $0["id"]?.string }
            open = ("messages[\(index)].tool_calls", ids, Set(ids.compactMap(\.self)))
        }
        let missing = open.all.firstIndex { $0.map(open.ids.contains) == true }
        if let missing {
            throw .invalid(
                open.field, "must each be followed by a tool's message with its id; number \(missing + 1) has none")
        }
    }
}
