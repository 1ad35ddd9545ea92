/// Tells from a message's grammar whether it is an attack on a program behind the chat, and of what category.
///
///     message ──▶ shape: prose, program or bare; Markdown code is left out
///        └──────▶ escapes resolved, small letters, blanks joined ──▶ the rules that hold for its shape
///
/// A rule is a guess, made without the context. All of it is linear in the message's length, for a rule looks a bounded
/// way ahead from each place, and of a long message only the two ends are looked at.
struct Detector: Sendable {
    private typealias Compiled = [(rule: Rule, pattern: Pattern)]

    private let bare: Compiled
    private let code: Compiled
    private let prose: Compiled

    /// How many bytes are looked at, from a message's beginning and from its end.
    static let reach = 16_384

    static let standard = Detector(Rule.all)

    init(_ rules: [Rule]) {
        let compiled = rules.map { (rule: $0, pattern: Pattern($0.expression)) }
        bare = compiled
        code = compiled.filter { $0.rule.scope != .bare }
        prose = compiled.filter { $0.rule.scope == .everywhere }
    }

    /// - Returns: the name of the category; which rule found it is nobody's business.
    func category(of message: String) -> String? { rule(for: message)?.category.rawValue }

    /// - Returns: the first rule that finds something.
    func rule(for message: String) -> Rule? {
        var message = message
        let shape = message.withUTF8 { MessageShape($0) }
        let ends = Self.ends(of: shape.isBare ? Base64Text.decoded(shape.text) ?? shape.text : shape.text)
        let text = ends.withUnsafeBufferPointer { DecodedText.decoded($0) }
        let statement = shape.isBare ? DecodedText.statement(text) : nil
        let features = Features(text)
        let rules = shape.isBare ? bare : shape.isProse ? prose : code
        let search = Search()
        return text.withUnsafeBufferPointer { text in
            return rules.first { rule, pattern in
                guard features.meet(rule.needs) else { return false }
                if rule.category == .sql || rule.category == .xss, let statement {
                    return statement.withUnsafeBufferPointer { search.finds(pattern, in: $0) }
                }
                return search.finds(pattern, in: text)
            }?.rule
        }
    }

    /// The beginning and the end of a long message.
    private static func ends(of text: [UInt8]) -> [UInt8] {
        text.count <= 2 * reach ? text : Array(text[..<reach]) + [0x0A] + text[(text.count - reach)...]
    }
}
