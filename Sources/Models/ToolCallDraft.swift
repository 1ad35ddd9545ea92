internal import Chat

/// The tool calls of an answer while it is being read, whole or in fragments.
///
/// Of an answer that may have one call only the first counts: Gemini cannot be told so, and some servers do not listen.
struct ToolCallDraft: Sendable {
    private let takesOne: Bool
    /// All that the provider said.
    private(set) var said: [ToolCall] = []
    /// What was added since the caller was told.
    private var news: [ToolCallDelta] = []
    /// Where the calls are that the provider gave a number.
    private var places: [Int: Int] = [:]

    /// - Parameter tools: what the caller wants to be called; nil for any.
    init(_ tools: Tools? = nil) { takesOne = tools?.parallelCalls == false }

    var calls: [ToolCall] { takesOne ? Array(said.prefix(1)) : said }

    /// Adds a call, or more of one. A call that the provider gave no id gets one.
    ///
    /// - Parameter place: the provider's number of the call; nil where it has none. Some servers give every call the same
    ///   one, and others a new id to every fragment: a call begins where both an id and a name are new.
    mutating func take(
        at place: Int? = nil, id: String?, name: String?, arguments: String, thoughtSignature: String? = nil
    ) {
        let (id, name) = (id.flatMap { $0.isEmpty ? nil : $0 }, name.flatMap { $0.isEmpty ? nil : $0 })
        if let known = place == nil ? said.indices.last : places[place ?? 0] {
            let isAnother = id.map { $0 != said[known].id } ?? (place == nil)
            if name == nil || !isAnother {
                return add(to: known, name: name, arguments, thoughtSignature)
            }
        }
        let call = ToolCall(
            id: id ?? Self.newID(), name: name ?? "", arguments: arguments, thoughtSignature: thoughtSignature)
        if let place { places[place] = said.count }
        news.append(
            ToolCallDelta(
                index: said.count, id: call.id, name: name, arguments: arguments, thoughtSignature: thoughtSignature))
        said.append(call)
    }

    private mutating func add(to index: Int, name: String?, _ arguments: String, _ signature: String?) {
        let call = said[index]
        let name = call.name.isEmpty ? name : nil
        said[index] = ToolCall(
            id: call.id, name: name ?? call.name, arguments: call.arguments + arguments,
            thoughtSignature: signature ?? call.thoughtSignature)
        guard name != nil || !arguments.isEmpty || signature != nil else { return }
        news.append(
            ToolCallDelta(index: index, id: nil, name: name, arguments: arguments, thoughtSignature: signature))
    }

    mutating func takeNews() -> [ToolCallDelta] {
        defer { news = [] }
        return takesOne ? news.filter { $0.index == 0 } : news
    }

    private static func newID() -> String {
        let letters = Array("0123456789abcdefghijklmnopqrstuvwxyz")
        return "call_" + String((0..<24).map { _ in letters[Int.random(in: 0..<letters.count)] })
    }
}
