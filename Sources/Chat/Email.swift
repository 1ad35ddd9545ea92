/// An email address that can be one: `local@domain`, at most 254 bytes (RFC 5321 §4.5.3.1.3), no spaces or control
/// characters, lowercased so that one mailbox is one user. Characters that stand for others are refused for that, too:
/// a mail server takes a full-width letter in a domain for the plain one (UTS #46), and leaves invisible ones out.
public struct Email: Sendable, Hashable {
    public let address: String

    /// - Throws: ``ChatError`` `.invalidField`.
    public init(_ raw: String) throws(ChatError) {
        let trimmed = Prompt.trimmed(raw)
        guard !trimmed.isEmpty else { throw .invalid("email", "must not be empty") }
        guard trimmed.utf8.count <= 254 else { throw .invalid("email", "must have at most 254 bytes") }
        let parts = trimmed.split(separator: "@", omittingEmptySubsequences: false)
        guard parts.count == 2, Self.isLocalPart(parts[0]), Self.isDomain(parts[1]) else {
            throw .invalid("email", "must be an address such as name@example.com")
        }
        address = trimmed.lowercased()
        // Two letters that domains have had as such since IDNA 2008.
        let standsForAnother = address.unicodeScalars.contains {
            $0.properties.changesWhenNFKCCaseFolded && $0 != "ß" && $0 != "ς"
        }
        guard !standsForAnother else {
            throw .invalid("email", "must not have characters that stand for others, such as full-width letters")
        }
    }

    /// Where its mail ends up, as far as that can be told: many servers take what follows a `+`, and some all dots, for
    /// no part of the name. For limits, where it does no harm when it is wrong.
    public var mailbox: String {
        let parts = address.split(separator: "@")
        let name = parts[0].prefix { $0 != "+" }.filter { $0 != "." }
        return "\(name.isEmpty ? String(parts[0]) : name)@\(parts[1])"
    }

    private static func isLocalPart(_ text: Substring) -> Bool {
        (1...64).contains(text.utf8.count) && !text.hasPrefix(".") && !text.hasSuffix(".") && !text.contains("..")
            && text.unicodeScalars.allSatisfy {
                !$0.properties.isWhitespace && !Prompt.isForbidden($0) && !"\"(),:;<>[\\]".unicodeScalars.contains($0)
            }
    }

    private static func isDomain(_ text: Substring) -> Bool {
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        return labels.count >= 2
            && labels.allSatisfy { label in
                (1...63).contains(label.utf8.count) && !label.hasPrefix("-") && !label.hasSuffix("-")
                    && label.unicodeScalars.allSatisfy { $0 == "-" || $0.properties.isAlphabetic || $0.isDigit }
            }
    }
}

extension Unicode.Scalar {
    fileprivate var isDigit: Bool { properties.numericType == .decimal }
}
