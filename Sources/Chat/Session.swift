public import FoundationEssentials

/// Names a session: 32 characters of base64url, 192 random bits; the `jti` of its token.
public struct SessionID: Sendable, Hashable {
    public static let length = 32
    public let rawValue: String

    public init?(_ rawValue: String) {
        guard rawValue.utf8.count == Self.length, rawValue.utf8.allSatisfy(isBase64URL) else { return nil }
        self.rawValue = rawValue
    }

    public static func random() -> SessionID {
        var random = SystemRandomNumberGenerator()
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        let bytes = (0..<length).map { _ in alphabet[Int.random(in: 0..<64, using: &random)] }
        return SessionID(String(decoding: bytes, as: UTF8.self))!
    }
}

private func isBase64URL(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
        true
    default: false
    }
}

/// Names a user without telling who it is: `user_` and 32 hexadecimal digits of a keyed hash of the email address; or an
/// API key: `key_` and 16.
public struct UserID: Sendable, Hashable {
    public let rawValue: String

    public init?(_ rawValue: String) {
        let isOne = [("user_", 32), ("key_", 16)].contains { start, digits in
            rawValue.hasPrefix(start) && rawValue.utf8.count == start.utf8.count + digits
                && rawValue.utf8.suffix(digits).allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
        }
        guard isOne else { return nil }
        self.rawValue = rawValue
    }
}

/// Who asks, as the token or the API key says. Whether it is still live, and its user proved, the store decides, in the
/// same step as what is asked of it.
public struct Principal: Sendable, Hashable {
    /// An API key that somebody asks with.
    public struct Key: Sendable, Hashable {
        /// What the store knows its secret by.
        public let hash: [UInt8]
        public let isManagement: Bool
        /// The models that it may ask; nil for all.
        public let models: [String]?

        public init(hash: [UInt8], isManagement: Bool, models: [String]?) {
            self.hash = hash
            self.isManagement = isManagement
            self.models = models
        }
    }

    /// Whose history it is. A key has one of its own, for its whole life.
    public let session: SessionID
    public let user: UserID
    /// Nil for a session's token.
    public let key: Key?
    /// Whether the store has found that the session's user was proved when it began. A key proves itself.
    public let isProved: Bool

    /// The user whom this is proved to be: what any of the user's sessions has asked is the principal's own. Nil where
    /// the address was only typed: then only what this session has asked is.
    public var provedUser: UserID? { isProved ? user : nil }

    public init(session: SessionID, user: UserID, key: Key? = nil, isProved: Bool = false) {
        self.session = session
        self.user = user
        self.key = key
        self.isProved = isProved || key != nil
    }
}

/// One login, as the store holds it.
public struct Session: Sendable, Hashable {
    public let id: SessionID
    public let user: UserID
    public let created: Date
    public let expires: Date
    /// Exchanges recorded so far.
    public let messagesUsed: Int
    /// Whether its user was proved: by a code, an identity provider, or a key.
    public let isProved: Bool

    public var principal: Principal { Principal(session: id, user: user, isProved: isProved) }

    public init(id: SessionID, user: UserID, created: Date, expires: Date, messagesUsed: Int, isProved: Bool = false) {
        self.id = id
        self.user = user
        self.created = created
        self.expires = expires
        self.messagesUsed = messagesUsed
        self.isProved = isProved
    }
}

/// Who logs in, as it is stored.
public struct SessionOpening: Sendable {
    public let session: Session
    /// Keyed hashes, hexadecimal.
    public let emailHash: String
    public let browserHash: String
    /// A keyed hash too, or in clear, or empty, as the operator wants it.
    public let address: String
    /// Only where the operator wants to be told.
    public let contact: SessionContact?

    public init(
        session: Session, emailHash: String, browserHash: String, address: String, contact: SessionContact? = nil
    ) {
        self.session = session
        self.emailHash = emailHash
        self.browserHash = browserHash
        self.address = address
        self.contact = contact
    }
}

/// Who logs in, in clear.
public struct SessionContact: Sendable, Hashable {
    public let email: String
    /// The network address.
    public let address: String

    public init(email: String, address: String) { (self.email, self.address) = (email, address) }
}

/// Lets sessions in and out.
public protocol Authenticator: Sendable {
    /// - Returns: the new session and the token that stands for it.
    func open(_ email: Email, browser: String, address: String) async throws -> (session: Session, token: String)
    /// Returning means that the token is ours and has not expired; the store is not asked.
    ///
    /// - Throws: ``ChatError`` `.unauthorized`.
    func identify(_ token: String?) async throws -> Principal
    /// Returning means that the session is live right now, in every worker.
    ///
    /// - Throws: ``ChatError`` `.unauthorized`, or `.unavailable` when the store cannot tell.
    func session(of principal: Principal) async throws -> Session
    /// The session's token is dead from the next request on.
    ///
    /// - Throws: ``ChatError`` `.unauthorized` when it is already.
    func end(_ principal: Principal) async throws
    /// Ends every session of a proved user, this one too.
    ///
    /// - Returns: how many there were.
    /// - Throws: ``ChatError`` `.unauthorized` when the session has ended, `.forbidden` when its user is not proved.
    func endAll(_ principal: Principal) async throws -> Int
}

/// Keeps sessions.
public protocol SessionStore: Sendable {
    func insert(_ opening: SessionOpening) async throws
    /// Changes nothing when there is a session of that id, live or ended.
    ///
    /// - Returns: whether there was none.
    func insertOnce(_ opening: SessionOpening) async throws -> Bool
    /// - Returns: the session when it is active and not expired.
    func live(_ principal: Principal, at now: Date) async throws -> Session?
    /// - Returns: whether the session was live until now.
    func end(_ principal: Principal, at now: Date) async throws -> Bool
    /// Ends the live sessions of a proved user.
    ///
    /// - Returns: how many there were.
    func endAll(of principal: Principal, at now: Date) async throws -> Result<Int, Refusal>
}
