import Chat
import Glibc
import Sessions

/// What the settings were before a reload, in an environment variable: a keyed hash of each one that is set, and of what is
/// in the file that it names, so that it can be told which have changed, and no more.
struct SettingDigests {
    private static let variable = "PARLEY_SETTING_DIGESTS"
    private static let files = [
        Catalog.prices.name, Catalog.systemPromptFile.name, Catalog.smtpAuthorities.name,
    ]

    /// Of nothing but these hashes. A reload keeps it.
    private let key: String
    private let digests: [String: String]

    /// - Parameter before: those that these are to be compared with.
    init(_ settings: Settings, after before: SettingDigests? = nil) {
        key = before?.key ?? (0..<4).map { _ in Self.digits(.random(in: .min ... .max)) }.joined()
        let hash = (try? IdentityKey(key)).map(KeyedHash.init)
        digests = Catalog.all.reduce(into: [:]) { digests, setting in
            guard let found = settings.sources.find(setting), found.source != "default" else { return }
            var text = found.text
            if Self.files.contains(setting.name) {
                // One that cannot be read is another than one that can.
                let contents = (try? SettingFile.contents(of: found.text, atMost: 1 << 20)) ?? []
                text += "\0" + String(decoding: contents, as: UTF8.self)
            }
            digests[setting.name] = (hash?.setting(text)).map { String($0.prefix(16)) }
        }
    }

    /// Those of the program before the reload; nil at a start. They are in the environment no longer.
    static func take() -> SettingDigests? {
        guard let text = getenv(variable).map({ String(cString: $0) }) else { return nil }
        unsetenv(variable)
        let parts = text.split(separator: ",")
        guard let key = parts.first else { return nil }
        let pairs = parts.dropFirst().map { $0.split(separator: "=") }.filter { $0.count == 2 }
        return SettingDigests(
            key: String(key),
            digests: Dictionary(pairs.map { (String($0[0]), String($0[1])) }, uniquingKeysWith: { $1 }))
    }

    private init(key: String, digests: [String: String]) { (self.key, self.digests) = (key, digests) }

    func environment(_ environment: [String: String]) -> [String: String] {
        let text = ([key] + digests.map { "\($0)=\($1)" }).joined(separator: ",")
        return environment.merging([Self.variable: text]) { $1 }
    }

    private static func digits(_ number: UInt64) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }

    /// The settings that are not what they were.
    func changed(since before: SettingDigests) -> [String] {
        Set(digests.keys).union(before.digests.keys).filter { digests[$0] != before.digests[$0] }.sorted()
    }
}
