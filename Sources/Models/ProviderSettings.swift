internal import Curl

/// A provider's setting that breaks a rule. It never holds the setting's value, which may be a key.
public struct InvalidProviderSetting: Error, Sendable, Equatable, CustomStringConvertible {
    /// Such as "base URL", "model", "key" or "stall timeout".
    public let setting: String
    public let rule: String

    public var description: String { "\(setting) \(rule)" }
}

/// How long one try may be silent, and how long it may take.
public struct Timeouts: Sendable, Hashable {
    /// From the start until the first byte after the headers, and from then on between one sign of life and the next,
    /// thoughts and comments too, until there is text.
    public let firstToken: Duration
    /// Between one sign of life and the next within the answer.
    public let stall: Duration
    /// From the start to the end.
    public let whole: Duration

    public static let standard = Timeouts(unchecked: .seconds(10), .seconds(10), .seconds(30))

    public init(firstToken: Duration, stall: Duration, whole: Duration) throws(InvalidProviderSetting) {
        for (name, value) in [("first token", firstToken), ("stall", stall), ("model", whole)] where value <= .zero {
            throw InvalidProviderSetting(setting: "\(name) timeout", rule: "must be more than zero")
        }
        self.init(unchecked: firstToken, stall, whole)
    }

    private init(unchecked firstToken: Duration, _ stall: Duration, _ whole: Duration) {
        self.firstToken = firstToken
        self.stall = stall
        self.whole = whole
    }
}

/// Where a provider's API begins: http or https, no user information, no query; without a slash at its end.
struct BaseURL: Sendable {
    let url: HTTPURL

    init(_ text: String) throws(InvalidProviderSetting) {
        var text = text[...]
        while text.hasSuffix("/") { text.removeLast() }
        do throws(CurlError) {
            url = try HTTPURL(String(text))
        } catch {
            throw InvalidProviderSetting(setting: "base URL", rule: "is not usable: \(error.detail)")
        }
        guard !url.hasQueryOrFragment else {
            throw InvalidProviderSetting(setting: "base URL", rule: "must have no query and no fragment")
        }
    }

    /// - Parameter path: begins with a slash and has characters of a URL only.
    func appending(_ path: String) throws(CurlError) -> HTTPURL {
        try HTTPURL(url.text + path)
    }
}

/// A secret that goes into one header. It does not print itself.
struct ProviderKey: Sendable, CustomStringConvertible, CustomReflectable {
    let text: String

    init(_ text: String) throws(InvalidProviderSetting) {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw InvalidProviderSetting(setting: "key", rule: "must be printable ASCII without spaces")
        }
        self.text = text
    }

    var description: String { "(secret)" }
    var customMirror: Mirror { Mirror(self, children: []) }

    /// The text with every occurrence of the key blotted out: providers quote keys in their errors.
    func redact(_ text: String) -> String {
        text.replacing(self.text, with: description)
    }
}

/// A model's name as it may stand in a path: `gemini-2.5-flash-lite`, `openai/gpt-oss-20b:free`.
struct ModelName: Sendable {
    let text: String

    init(_ text: String) throws(InvalidProviderSetting) {
        let isUsable = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "-._/:@~+".utf8.contains(byte)
            }
        }
        guard !text.isEmpty, isUsable, !text.split(separator: "/", omittingEmptySubsequences: false).contains("..")
        else {
            throw InvalidProviderSetting(setting: "model", rule: "must be of the form letters, digits and -._/:@~+")
        }
        self.text = text
    }
}
