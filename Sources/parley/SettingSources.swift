import FoundationEssentials

/// Where settings come from. The first source that has one wins: command line, environment, file, default.
struct SettingSources: Sendable {
    struct Found: Sendable {
        let text: String
        /// In words: "command line", "environment", a file's name, "default".
        let source: String
    }

    /// Names the settings file; the one `CHAT_` name that is no setting itself.
    static let fileVariable = "CHAT_ENV_FILE"

    /// The file that was read; nil when there was none to read.
    let file: String?
    private let sources: [(name: String, pairs: [String: String])]

    /// - Parameters:
    ///   - overrides: `NAME=VALUE` from the command line.
    ///   - environment: of the process.
    ///   - file: a `.env`-style file that must exist; nil reads `.env` in the working folder if it is there; an empty
    ///     name reads none.
    ///   - ignoresUnknown: lets names through that no setting has.
    /// - Throws: ``SettingFault`` for a `CHAT_` name that no setting has, and for a file that cannot be read.
    init(overrides: [String] = [], environment: [String: String], file: String? = nil, ignoresUnknown: Bool = false)
        throws(SettingFault)
    {
        var pairs: [String: String] = [:]
        for override in overrides {
            let parts = override.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { throw SettingFault("--set takes NAME=VALUE, not “\(override)”") }
            pairs[String(parts[0])] = String(parts[1])
        }
        if !ignoresUnknown { try Self.check(pairs.keys, in: "the command line", all: true) }
        var environment = environment
        let named = environment.removeValue(forKey: Self.fileVariable)
        let file = file ?? named
        if !ignoresUnknown { try Self.check(environment.keys, in: "the environment") }
        let filed = try Self.read(file)
        if !ignoresUnknown { try Self.check(filed.keys, in: file ?? ".env") }
        self.file = file ?? (FileManager.default.fileExists(atPath: ".env") ? ".env" : nil)
        sources = [("command line", pairs), ("environment", environment), (file ?? ".env", filed)]
    }

    /// An empty text counts as not set: the next source is asked.
    func find(_ setting: any AnySetting) -> Found? {
        for (name, pairs) in sources {
            if let text = pairs[setting.name], !text.isEmpty { return Found(text: text, source: name) }
        }
        return setting.fallback.map { Found(text: $0, source: "default") }
    }

    private static func check(_ names: some Sequence<String>, in source: String, all: Bool = false) throws(SettingFault)
    {
        let known = Set(Catalog.all.map(\.name))
        for name in names.sorted() where (all || name.hasPrefix("CHAT_")) && !known.contains(name) {
            throw SettingFault("\(name) in \(source) is no setting; `parley config` lists them")
        }
    }

    private static func read(_ file: String?) throws(SettingFault) -> [String: String] {
        let path = file ?? ".env"
        guard !path.isEmpty, file != nil || FileManager.default.fileExists(atPath: path) else { return [:] }
        guard let data = FileManager.default.contents(atPath: path), let text = String(bytes: data, encoding: .utf8)
        else { throw SettingFault("the settings file \(path) cannot be read") }
        var pairs: [String: String] = [:]
        // To Swift, "\r\n" is one character and no "\n".
        for (index, line) in text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = Substring(line).trimming(while: \.isWhitespace)
            if line.isEmpty || line.hasPrefix("#") { continue }
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else { throw SettingFault("line \(index + 1) of \(path) is not NAME=VALUE") }
            pairs[String(parts[0].trimming(while: \.isWhitespace))] = unquoted(parts[1].trimming(while: \.isWhitespace))
        }
        return pairs
    }

    private static func unquoted(_ text: Substring) -> String {
        for quote in ["\"", "'"] where text.count >= 2 && text.hasPrefix(quote) && text.hasSuffix(quote) {
            return String(text.dropFirst().dropLast())
        }
        return String(text)
    }
}

extension Substring {
    fileprivate func trimming(while predicate: (Character) -> Bool) -> Substring {
        var text = drop(while: predicate)
        while let last = text.last, predicate(last) { text.removeLast() }
        return text
    }
}
