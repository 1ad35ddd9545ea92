internal import StrictJSON

/// What the chunks of a stream have in common: everything but a word of text. Where a chunk differs from one that was read in
/// nothing else, its text is known without parsing it, which costs a third of all that a piece of a stream costs.
struct ChunkPattern: Sendable {
    private let beginning: [UInt8]
    private let end: [UInt8]

    /// - Parameters:
    ///   - document: a JSON document that was read, and gave `text`.
    ///   - format: what read it, as it was before.
    /// - Returns: nil unless the text stands in it as it is, and another in its place would be read instead.
    init?(_ document: [UInt8], with text: String, in format: some ReplyFormat) {
        let literal = [Self.quote] + text.utf8 + [Self.quote]
        guard !text.isEmpty, document.count >= literal.count, Self.isPlain(text.utf8),
            let place = (0...document.count - literal.count).first(where: {
                document[$0] == Self.quote && document[$0...].starts(with: literal)
            })
        else { return nil }
        beginning = Array(document[...place])
        end = Array(document[(place + literal.count - 1)...])
        var format = format
        let other = "another text"
        guard let json = try? JSON(parsing: beginning + other.utf8 + end, .tolerant), (try? format.read(json)) == other
        else { return nil }
    }

    /// - Returns: the text of another document; nil when that has to be parsed.
    func text(of document: [UInt8]) -> String? {
        let length = document.count - beginning.count - end.count
        guard length >= 0, document.starts(with: beginning) else { return nil }
        let rest = document[beginning.count...]
        guard rest.dropFirst(length).elementsEqual(end), Self.isPlain(rest.prefix(length)) else { return nil }
        return String(validating: rest.prefix(length), as: UTF8.self)
    }

    private static let quote = UInt8(ascii: "\"")

    /// Whether these bytes say themselves in a JSON string.
    private static func isPlain(_ bytes: some Sequence<UInt8>) -> Bool {
        bytes.allSatisfy { $0 >= 0x20 && $0 != quote && $0 != UInt8(ascii: "\\") }
    }
}
