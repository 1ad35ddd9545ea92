import Glibc

/// Who may read the secrets and reach the socket.
enum Permissions {
    static func check(_ settings: Settings, file: String?) -> [Finding] {
        var findings = [
            folder(of: settings.database.path, "database folder"), folder(of: settings.socket, "socket folder"),
            settings.stateDirectory.map { folder(of: $0 + "/", "state folder") },
        ].compactMap(\.self)
        let audit = (try? settings.sources.optional(Catalog.auditLog)) ?? nil
        for (name, path) in [
            ("database file", settings.database.path), ("settings file", file ?? ".env"), ("audit log", audit),
        ] {
            if let path, let mode = mode(of: path) { findings.append(privacy(name, path, mode)) }
        }
        for (name, path) in [("board", settings.boardPath), ("counters", settings.metricsPath)] {
            if let finding = shared(name, path) { findings.append(finding) }
        }
        return findings
    }

    /// What is wrong with a file that the pool's processes share: a worker goes on without one that it cannot open.
    ///
    /// - Returns: nil where there is none.
    private static func shared(_ what: String, _ path: String) -> Finding? {
        var (file, folder) = (stat(), stat())
        let place = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        guard lstat(path, &file) == 0, stat(place, &folder) == 0 else { return nil }
        let descriptor = open(path, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        let code = errno
        if descriptor >= 0 { close(descriptor) }
        // Root may open it all the same.
        let isOthers = file.st_uid != folder.st_uid && folder.st_uid != 0
        guard descriptor < 0 || isOthers else { return .well(what, path) }
        let cause = descriptor < 0 ? String(cString: strerror(code)) : "it belongs to another user than its folder"
        return .wrong(
            what, "\(path): \(cause)",
            mend: "give it to the user that runs parley, chown USER: \(path), and restart the pool")
    }

    private static func folder(of path: String, _ what: String) -> Finding {
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        return access(folder, W_OK | X_OK) == 0
            ? .well(what, folder)
            : .wrong(
                what, "\(folder): \(String(cString: strerror(errno)))",
                mend: "make it, owned by the user that runs parley: install -d -m 0750 -o USER \(folder)")
    }

    private static func privacy(_ what: String, _ path: String, _ mode: mode_t) -> Finding {
        mode & 0o007 == 0
            ? .well("\(what) is private", path)
            : .wrong(what, "\(path) can be reached by every user", mend: "chmod o= \(path)")
    }

    private static func mode(of path: String) -> mode_t? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode : nil
    }
}
