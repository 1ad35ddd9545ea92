import FoundationEssentials
import Glibc

/// Permissions of the socket.
struct SocketMode: Sendable {
    let bits: mode_t

    /// - Parameter text: octal, as chmod(1) takes it.
    init(_ text: String) throws(SettingFault) {
        guard let bits = mode_t(text, radix: 8), bits <= 0o777 else {
            throw SettingFault("must be permissions in octal, such as 0660; is “\(text)”")
        }
        guard bits & 0o600 == 0o600 else { throw SettingFault("must let the owner read and write; is “\(text)”") }
        guard bits & 0o007 == 0 else {
            throw SettingFault("must not let every user of the machine connect; is “\(text)”")
        }
        self.bits = bits
    }
}

/// Whose the socket is, as the kernel wants it.
struct SocketAccess {
    let mode: mode_t
    let owner: uid_t?
    let group: gid_t?

    /// - Throws: ``SettingFault`` for a user or a group that this machine does not have.
    init(_ sources: SettingSources) throws(SettingFault) {
        mode = try sources.required(Catalog.socketMode).bits
        owner = try Self.number(sources, Catalog.socketOwner, "user") { getpwnam($0)?.pointee.pw_uid }
        group = try Self.number(sources, Catalog.socketGroup, "group") { getgrnam($0)?.pointee.gr_gid }
    }

    /// - Throws: ``SettingFault`` when this user may not give the socket to that owner or group.
    func check() throws(SettingFault) {
        guard geteuid() != 0 else { return }
        var groups = [gid_t](repeating: 0, count: max(0, Int(getgroups(0, nil))))
        let count = getgroups(Int32(groups.count), &groups)
        groups = groups.prefix(max(0, Int(count))) + [getegid()]
        if let group, !groups.contains(group) {
            throw SettingFault("CHAT_SOCKET_GROUP names a group that this program's user is not in")
        }
        if let owner, owner != geteuid() {
            throw SettingFault("CHAT_SOCKET_OWNER names another user than this program's: only root may do that")
        }
    }

    private static func number(
        _ sources: SettingSources, _ setting: Setting<String>, _ what: String, _ find: (String) -> UInt32?
    ) throws(SettingFault) -> UInt32? {
        guard let name = try sources.optional(setting) else { return nil }
        if let number = UInt32(name), number != .max { return number }
        guard let number = find(name) else {
            throw SettingFault("\(setting.name) names the \(what) “\(name)”, which this machine does not have")
        }
        return number
    }
}
