import FoundationEssentials
import Glibc

/// A file of settings in which secrets are replaced: all of it or nothing, for whoever reads it meanwhile.
///
/// Every other byte of it stays, as do its owner, its group and its permissions. Refused: a file that another command is
/// changing, and one whose owner or group this user cannot give to a new file.
final class SecretFile {
    /// Where it is, links followed: a link stays one.
    let path: String
    private(set) var text: String
    private let descriptor: Int32
    private let attributes: stat

    /// - Throws: ``SettingFault``.
    init(_ path: String) throws(SettingFault) {
        guard let resolved = realpath(path, nil) else { throw SecretFile.fault(path) }
        defer { free(resolved) }
        self.path = String(cString: resolved)
        descriptor = open(self.path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SecretFile.fault(path) }
        var (here, there) = (stat(), stat())
        // Whoever has the lock may have put another file here by the time that he lets go of it.
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0, fstat(descriptor, &here) == 0, stat(self.path, &there) == 0,
            here.st_ino == there.st_ino, here.st_dev == there.st_dev
        else {
            close(descriptor)
            throw SettingFault("\(path) is being changed by somebody else")
        }
        attributes = here
        guard let data = FileManager.default.contents(atPath: self.path),
            let text = String(bytes: data, encoding: .utf8)
        else {
            close(descriptor)
            throw SettingFault("\(path) cannot be read")
        }
        self.text = text
    }

    deinit { close(descriptor) }

    /// Sets a setting where it is set now, else where it is commented out, else at the end.
    func set(_ name: String, to value: String) {
        var lines = text.unicodeScalars.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        func last(_ start: String) -> Int? {
            lines.lastIndex {
                let line = $0.filter { !" \t".contains($0) }
                return line.hasPrefix(start + "=")
            }
        }
        // The reader takes off white space, and quotes at both ends.
        let marks: Set<Character> = [" ", "\t", "\"", "'"]
        let value = [value.first, value.last].contains { $0.map(marks.contains) ?? false } ? "\"\(value)\"" : value
        if let index = last(name) ?? last("#" + name) {
            lines[index] = "\(name)=\(value)"
        } else {
            if lines.last?.isEmpty == true { lines.removeLast() }
            lines += ["\(name)=\(value)", ""]
        }
        text = lines.joined(separator: "\n")
    }

    /// Puts the text in the file's place.
    ///
    /// - Throws: ``SettingFault``; the file is then what it was.
    func replace() throws(SettingFault) {
        let folder = path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex)
        var name = Array("\(folder)/.parley-secret.XXXXXX".utf8CString)
        let new = mkstemp(&name)
        let temporary = name.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        guard new >= 0 else { throw SecretFile.fault(path) }
        let bytes = Array(text.utf8)
        // In this order: nobody may read it in between who may not in the end.
        let isWritten =
            fchown(new, attributes.st_uid, attributes.st_gid) == 0 && fchmod(new, attributes.st_mode & 0o7777) == 0
            && write(new, bytes, bytes.count) == bytes.count && fsync(new) == 0
            && rename(temporary, path) == 0
        let fault = SecretFile.fault(path)
        close(new)
        guard isWritten else {
            unlink(temporary)
            throw fault
        }
        let directory = open(String(folder.isEmpty ? "/" : folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { return }
        fsync(directory)
        close(directory)
    }

    private static func fault(_ path: String) -> SettingFault {
        SettingFault("\(path) cannot be changed: \(String(cString: strerror(errno)))")
    }
}
