import FoundationEssentials
import Glibc

/// Where the database is: `sqlite:PATH`, or with the three slashes of SQLAlchemy's URLs.
struct DatabaseLocation: Sendable {
    let path: String

    init(_ url: String) throws(SettingFault) {
        guard let colon = url.firstIndex(of: ":"), url[..<colon] == "sqlite" else {
            throw SettingFault("must be sqlite: and a path, such as sqlite:/var/lib/parley/parley.sqlite; is “\(url)”")
        }
        var path = url[url.index(after: colon)...]
        if path.hasPrefix("///") { path = path.dropFirst(3) }
        guard !path.isEmpty, !path.hasPrefix(":"), !path.contains("?") else {
            throw SettingFault("must name a file, with no options; is “\(url)”")
        }
        self.path = String(path)
    }

    /// In systemd's state folder, else the system's for root, else the user's own.
    static let defaultPath: String = {
        if let folder = environment("STATE_DIRECTORY") { return folder + "/parley.sqlite" }
        if geteuid() == 0 { return "/var/lib/parley/parley.sqlite" }
        if let folder = environment("XDG_STATE_HOME") { return folder + "/parley/parley.sqlite" }
        return (environment("HOME") ?? "/tmp") + "/.local/state/parley/parley.sqlite"
    }()

    /// - Throws: ``SettingFault`` when there is no such file. A command that looks at a database makes none.
    func mustExist() throws(SettingFault) {
        guard access(path, F_OK) == 0 else {
            throw SettingFault("there is no database \(path): \(String(cString: strerror(errno)))")
        }
    }

    /// Makes the folder, for its owner alone, where there is none.
    func makeFolder() throws(SettingFault) {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return }
        let folder = String(path[..<slash])
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw SettingFault("CHAT_DATABASE_URL names the folder \(folder), which cannot be made: \(error)")
        }
    }
}

private func environment(_ name: String) -> String? {
    guard let text = getenv(name) else { return nil }
    return String(cString: text)
}
