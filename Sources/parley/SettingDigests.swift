import Chat
import Glibc
import Sessions

/// What the settings were before a reload, in an environment variable: a keyed hash of each one that is set, so that it can be
/// told which have changed, and no more.
struct SettingDigests {
    private static let variable = "PARLEY_SETTING_DIGESTS"

    private let digests: [String: String]

    init(_ settings: Settings) {
        let hash = KeyedHash(settings.identityKey)
        digests = Catalog.all.reduce(into: [:]) { digests, setting in
            guard let found = settings.sources.find(setting), found.source != "default" else { return }
            digests[setting.name] = String(hash.setting(found.text).prefix(16))
        }
    }

    /// Those of the program before the reload; nil at a start. They are in the environment no longer.
    static func take() -> SettingDigests? {
        guard let text = getenv(variable).map({ String(cString: $0) }) else { return nil }
        unsetenv(variable)
        let pairs = text.split(separator: ",").map { $0.split(separator: "=") }.filter { $0.count == 2 }
        return SettingDigests(
            digests: Dictionary(pairs.map { (String($0[0]), String($0[1])) }, uniquingKeysWith: { $1 }))
    }

    private init(digests: [String: String]) { self.digests = digests }

    func environment(_ environment: [String: String]) -> [String: String] {
        environment.merging([Self.variable: digests.map { "\($0)=\($1)" }.joined(separator: ",")]) { $1 }
    }

    /// The settings that are not what they were.
    func changed(since before: SettingDigests) -> [String] {
        Set(digests.keys).union(before.digests.keys).filter { digests[$0] != before.digests[$0] }.sorted()
    }
}
