/// One setting: its name, its default, what it does, and how its text becomes a value that cannot be wrong.
struct Setting<Value: Sendable>: AnySetting {
    let name: String
    /// The text that stands for "not set"; nil when there is no default.
    let fallback: String?
    /// One line for `parley config` and the manual.
    let help: String
    let isSecret: Bool
    private let parse: @Sendable (String) throws(SettingFault) -> Value
    private let write: (@Sendable (Value) -> String)?

    init(
        _ name: String, _ fallback: String?, _ help: String, isSecret: Bool = false,
        write: (@Sendable (Value) -> String)? = nil,
        parse: @escaping @Sendable (String) throws(SettingFault) -> Value
    ) {
        self.name = name
        self.fallback = fallback
        self.help = help
        self.isSecret = isSecret
        self.write = write
        self.parse = parse
    }

    /// - Throws: ``SettingFault`` that names the setting and the reason.
    func value(of text: String) throws(SettingFault) -> Value {
        do { return try parse(text) } catch { throw SettingFault("\(name) \(error.reason)") }
    }

    func canonical(_ text: String) throws(SettingFault) -> String {
        let value = try value(of: text)
        return write?(value) ?? text
    }
}

/// A setting, whatever its type.
protocol AnySetting: Sendable {
    var name: String { get }
    var fallback: String? { get }
    var help: String { get }
    var isSecret: Bool { get }
    /// The one way to write the value, whichever way it was written: what other programs are given.
    func canonical(_ text: String) throws(SettingFault) -> String
}

/// Why the settings cannot be used, in words for the operator.
struct SettingFault: Error, CustomStringConvertible {
    let reason: String
    var description: String { reason }

    init(_ reason: String) { self.reason = reason }
}

// The kinds of value that settings have.

extension Setting<String> {
    static func text(_ name: String, _ fallback: String?, _ help: String, isSecret: Bool = false) -> Self {
        Setting(name, fallback, help, isSecret: isSecret) { text throws(SettingFault) in
            guard !text.isEmpty else { throw SettingFault("must not be empty") }
            return text
        }
    }
}

extension Setting<Int> {
    static func whole(_ name: String, _ fallback: Int?, _ range: ClosedRange<Int>, _ help: String) -> Self {
        Setting(name, fallback.map(String.init), help) { text throws(SettingFault) in
            guard let value = Int(text), range.contains(value) else {
                throw SettingFault(
                    "must be a whole number from \(range.lowerBound) to \(range.upperBound), is “\(text)”")
            }
            return value
        }
    }
}

extension Setting<Double> {
    static func number(_ name: String, _ fallback: String?, _ range: ClosedRange<Double>, _ help: String) -> Self {
        Setting(name, fallback, help, write: decimal) { text throws(SettingFault) in
            guard let value = Double(text), range.contains(value) else {
                throw SettingFault("must be a number from \(range.lowerBound) to \(range.upperBound), is “\(text)”")
            }
            return value
        }
    }
}

/// Without an exponent, and without a fraction where there is none.
func decimal(_ number: Double) -> String {
    number == number.rounded() ? String(Int(number)) : String(number)
}

extension Setting<Bool> {
    static func flag(_ name: String, _ fallback: Bool, _ help: String) -> Self {
        Setting(name, String(fallback), help, write: String.init) { text throws(SettingFault) in
            switch text.lowercased() {
            case "true", "1", "yes", "on": return true
            case "false", "0", "no", "off": return false
            default: throw SettingFault("must be true or false, is “\(text)”")
            }
        }
    }
}

extension Setting where Value: CaseIterable & RawRepresentable<String> {
    static func choice(_ name: String, _ fallback: Value?, _ help: String) -> Self {
        Setting(name, fallback?.rawValue, help) { text throws(SettingFault) in
            guard let value = Value(rawValue: text) else {
                let names = Value.allCases.map(\.rawValue).joined(separator: ", ")
                throw SettingFault("must be one of \(names); is “\(text)”")
            }
            return value
        }
    }
}

extension Setting<[String]> {
    /// Names between commas; none for an empty text.
    ///
    /// - Parameters:
    ///   - allowed: the only names there are; nil for any.
    ///   - characters: what names are made of, in words.
    ///   - isAllowed: whether a name may have this byte.
    static func list(
        _ name: String, _ help: String, allowed: [String]? = nil, characters: String = "",
        isAllowed: @escaping @Sendable (UInt8) -> Bool = { _ in true }
    ) -> Self {
        Setting(name, nil, help) { text throws(SettingFault) in
            let items = text.split(separator: ",").map { String($0.filter { !$0.isWhitespace }) }.filter { !$0.isEmpty }
            for item in items {
                if let allowed, !allowed.contains(item) {
                    throw SettingFault("knows \(allowed.joined(separator: ", ")); not “\(item)”")
                }
            }
            guard items.allSatisfy({ $0.utf8.allSatisfy(isAllowed) }) else {
                throw SettingFault("takes \(characters); is “\(text)”")
            }
            guard Set(items).count == items.count else { throw SettingFault("names something twice: “\(text)”") }
            return items
        }
    }
}
