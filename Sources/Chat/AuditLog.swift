/// What somebody may have to account for: who came and went, who may ask what, and what was deleted.
public struct AuditEvent: Sendable {
    public enum Action: String, Sendable, CaseIterable {
        case login, logout
        case logoutEverywhere = "logout_everywhere"
        case keyCreated = "key_created"
        case keyRotated = "key_rotated"
        case keyRevoked = "key_revoked"
        case conversationDeleted = "conversation_deleted"
        case historyDeleted = "history_deleted"
        case accountDeleted = "account_deleted"
        case sessionsEnded = "sessions_ended"
        case secretRotated = "secret_rotated"
        case secretRetired = "secret_retired"
        case settingsChanged = "settings_changed"
        /// What was too old.
        case purged
        case restored
    }

    public let action: Action
    /// Who did it, or was let in: a user or an API key. Nil for whoever is at the machine.
    public let user: UserID?
    public let session: SessionID?
    /// What it was done to: the id of a key, a conversation, a user, or a setting's name; never an address or a text.
    public let objects: [String]
    /// How many went.
    public let count: Int?
    /// Nil for what no request asked for.
    public let requestID: String?

    public init(
        _ action: Action, user: UserID? = nil, session: SessionID? = nil, of objects: [String] = [],
        count: Int? = nil, requestID: String? = nil
    ) {
        self.action = action
        self.user = user
        self.session = session
        self.objects = objects
        self.count = count
        self.requestID = requestID
    }
}

/// Keeps what was done, beside the log.
public protocol AuditLog: Sendable {
    /// Called when it has been done, on the event loop: it must not wait, and cannot fail.
    func record(_ event: AuditEvent)
}
