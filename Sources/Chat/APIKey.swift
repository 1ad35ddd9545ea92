public import FoundationEssentials

/// A program's way in: what it may do and what it may cost. Its secret is not in here, and not in the store.
public struct APIKey: Sendable, Hashable {
    /// Names a key: `key_` and 16 hexadecimal digits. It is the ``UserID`` of whoever asks with it, too.
    public struct ID: Sendable, Hashable {
        public let rawValue: String

        public init?(_ rawValue: String) {
            guard UserID(rawValue) != nil, rawValue.hasPrefix("key_") else { return nil }
            self.rawValue = rawValue
        }

        public static func random() -> ID {
            let digits = String(UInt64.random(in: 0 ... .max), radix: 16)
            return ID("key_" + String(repeating: "0", count: 16 - digits.utf8.count) + digits)!
        }

        public var user: UserID { UserID(rawValue)! }
    }

    public let id: ID
    public let grant: Grant
    /// How its text begins, to tell keys apart.
    public let prefix: String
    public let created: Date
    /// Revoked: it never works again.
    public let isDisabled: Bool
    /// In the budget's present period; since the beginning where there is no budget.
    public let spent: Money

    public init(id: ID, grant: Grant, prefix: String, created: Date, isDisabled: Bool, spent: Money) {
        self.id = id
        self.grant = grant
        self.prefix = prefix
        self.created = created
        self.isDisabled = isDisabled
        self.spent = spent
    }

    /// What a key is made with, and keeps.
    public struct Grant: Sendable, Hashable {
        public static let longestName = 100
        /// Ten years, in seconds.
        public static let longestLife: TimeInterval = 3_650 * 86_400

        public let name: String
        /// Nil for never.
        public let expires: Date?
        /// The models that it may ask; nil for all.
        public let models: [String]?
        public let limits: RateLimits
        /// Nil when it may cost whatever it costs.
        public let budget: Budget?
        /// It makes and ends keys, and asks no model.
        public let isManagement: Bool

        /// - Throws: ``ChatError`` `.invalidField`.
        public init(
            name: String, expires: Date? = nil, models: [String]? = nil, limits: RateLimits = .none,
            budget: Budget? = nil, isManagement: Bool = false
        ) throws(ChatError) {
            let name = Prompt.trimmed(name)
            guard (1...Self.longestName).contains(name.unicodeScalars.count) else {
                throw .invalid("name", "must have 1 to \(Self.longestName) characters")
            }
            guard !name.unicodeScalars.contains(where: { Prompt.isForbidden($0) || $0.value < 0x20 }) else {
                throw .invalid("name", "must not contain control characters")
            }
            // Keys are found by their id or their name.
            guard ID(name) == nil else { throw .invalid("name", "must not look like a key's id") }
            if let models {
                guard (1...100).contains(models.count), models.allSatisfy({ (1...200).contains($0.utf8.count) }),
                    Set(models).count == models.count,
                    !models.joined().contains(where: { $0.isWhitespace || $0 == "," })
                else {
                    throw .invalid("models", "must be 1 to 100 different names of models, without blanks and commas")
                }
            }
            self.name = name
            self.expires = expires
            self.models = models
            self.limits = limits
            self.budget = budget
            self.isManagement = isManagement
        }
    }
}

/// A time as people write it: a number and `s`, `m`, `h`, `d` or `w`, such as `90d` or `24h`.
public struct TimeSpan: Sendable, Hashable {
    private static let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800]

    public let seconds: TimeInterval

    /// - Throws: ``ChatError`` `.invalidField` for anything else, for 0 and for more than ten years.
    public init(_ text: String, field: String) throws(ChatError) {
        guard let unit = text.last.flatMap({ Self.units[$0] }),
            text.dropLast().utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let count = Int64(text.dropLast()), count > 0
        else { throw .invalid(field, "must be a number and s, m, h, d or w, such as 24h or 90d; is “\(text)”") }
        let (seconds, isTooMuch) = count.multipliedReportingOverflow(by: unit)
        guard !isTooMuch, Double(seconds) <= APIKey.Grant.longestLife else {
            throw .invalid(field, "must be at most 3650d; is “\(text)”")
        }
        self.seconds = Double(seconds)
    }
}

/// Makes API keys, shows them and ends them.
///
/// Every method throws ``ChatError``: `.unauthorized` when the principal is no live management key, `.notFound` and
/// `.conflict` for a key that cannot be told.
public protocol APIKeyRegistry: Sendable {
    /// - Parameter principal: the management key that asks; nil for the operator on the machine itself.
    /// - Returns: with the key its secret text, which cannot be had again.
    func make(_ grant: APIKey.Grant, for principal: Principal?) async throws -> (key: APIKey, token: String)

    /// All keys, the newest first.
    func keys(for principal: Principal?) async throws -> [APIKey]

    /// - Parameter name: an id, or a name that only one key has among those that are not revoked.
    func key(_ name: String, for principal: Principal?) async throws -> APIKey

    /// The key is dead from the next request on, in every worker.
    func revoke(_ name: String, for principal: Principal?) async throws -> APIKey

    /// Gives a key a new secret. What it may, has cost and has asked stays.
    ///
    /// - Parameter grace: how long the old secret works beside it; nil ends it now.
    func rotate(_ name: String, grace: TimeSpan?, for principal: Principal?) async throws -> (
        key: APIKey, token: String
    )
}

/// Keeps API keys. Every method throws ``ChatError``, as ``APIKeyRegistry``'s do.
public protocol APIKeyStore: Sendable {
    /// - Parameter hash: what the secret is known by: 32 bytes.
    func insert(_ key: APIKey, hash: [UInt8], for principal: Principal?) async throws

    func keys(for principal: Principal?) async throws -> [APIKey]

    func key(_ name: String, for principal: Principal?) async throws -> APIKey

    func revoke(_ name: String, for principal: Principal?) async throws -> APIKey

    func rotate(_ name: String, to hash: [UInt8], prefix: String, grace: TimeSpan?, for principal: Principal?)
        async throws -> APIKey

    /// - Returns: who asks with the secret that has this hash; nil when nobody does, or no more.
    func principal(of hash: [UInt8]) async throws -> Principal?
}
