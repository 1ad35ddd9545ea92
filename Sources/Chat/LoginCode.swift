public import FoundationEssentials

/// Six digits that are sent to an address, so that whoever reads its mail can prove that.
public struct LoginCode: Sendable, Hashable {
    public static let length = 6
    /// Seconds that it is good.
    public static let lifetime: TimeInterval = 600
    /// How often it may be tried, right or wrong.
    public static let tries = 5

    public let digits: String

    /// - Throws: ``ChatError`` `.invalidField` unless it is six of 0 to 9: digits of other scripts are none.
    public init(_ text: String) throws(ChatError) {
        guard text.utf8.count == Self.length, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw .invalid("code", "must be the \(Self.length) digits that were sent to you")
        }
        digits = text
    }

    private init(number: Int) {
        let text = String(number)
        digits = String(repeating: "0", count: Self.length - text.utf8.count) + text
    }

    public static func random() -> LoginCode {
        var random = SystemRandomNumberGenerator()
        return LoginCode(number: Int.random(in: 0..<1_000_000, using: &random))
    }
}

/// How much one mailbox or one network address may do in a day, a part of it at once.
public struct DailyLimit: Sendable, Hashable {
    private static let day: Int64 = 86_400_000

    /// Milliseconds after which one more is free.
    private let interval: Int64
    private let atOnce: Int64

    public init(perDay: Int, atOnce: Int) {
        interval = Self.day / Int64(max(1, perDay))
        self.atOnce = Int64(max(1, atOnce))
    }

    /// GCRA (ITU-T I.371, annex A): one number says what is used.
    ///
    /// - Parameters:
    ///   - used: in milliseconds since 1970, when nothing is used any more.
    ///   - now: in milliseconds since 1970.
    /// - Returns: the same afterwards, and how many milliseconds there are to wait if no more was taken.
    public func take(_ used: Int64, at now: Int64) -> (used: Int64, wait: Int64?) {
        // More than can be used: the clock was set back, which must not shut anybody out.
        let used = used > now + atOnce * interval ? now : max(used, now)
        let wait = used - now - (atOnce - 1) * interval
        return wait > 0 ? (used, wait) : (used + interval, nil)
    }
}

/// Logs people in by codes that are sent to their addresses.
public protocol CodeLogin: Sendable {
    /// Sends a code that takes the place of the one before. Whether there is such an address, whether it is known here,
    /// has had too many codes, or can be sent mail: neither the result nor its time tells.
    ///
    /// - Parameter client: the network address that asks.
    /// - Throws: ``ChatError`` `.rateLimited` when the client has asked for too many.
    func sendCode(to email: Email, for client: String) async throws
    /// - Returns: a new session, proved, and the token that stands for it.
    /// - Throws: ``ChatError`` `.unauthorized` unless it is the address's code, good and unused; `.rateLimited` when
    ///   the client has tried too often.
    func open(_ email: Email, _ code: LoginCode, browser: String, client: String) async throws -> (
        session: Session, token: String
    )
}

/// Takes codes to their addresses.
public protocol CodeMailer: Sendable {
    /// Returns at once; what becomes of it is for the log.
    ///
    /// - Parameter end: when the code is of no use any more.
    func send(_ code: LoginCode, to email: Email, before end: ContinuousClock.Instant)
}

/// What a store knows of a code. All of them are keyed hashes.
public struct StoredCode: Sendable {
    public let address: String
    public let code: [UInt8]

    public init(address: String, code: [UInt8]) {
        self.address = address
        self.code = code
    }

    /// Takes as long wherever it differs.
    public func isRight(_ stored: [UInt8]) -> Bool {
        guard stored.count == code.count else { return false }
        // Without the parentheses Swift would take the bits together first: the two have one precedence.
        return zip(stored, code).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }
}

/// Somebody, by a keyed hash, and what of a limit is to be used up.
public struct LimitedSubject: Sendable {
    public let name: String
    public let limit: DailyLimit

    public init(_ name: String, _ limit: DailyLimit) {
        self.name = name
        self.limit = limit
    }
}

/// Keeps codes, one of each address.
public protocol LoginCodeStore: Sendable {
    /// Puts a code in the place of the one before, unless its mailbox has had too many.
    ///
    /// - Returns: whether it was.
    /// - Throws: ``ChatError`` `.rateLimited` when the client has asked for too many.
    func put(_ code: StoredCode, expires: Date, mailbox: LimitedSubject, client: LimitedSubject) async throws -> Bool
    /// Uses a code up, and opens a session with it, in one step: of any number that try at once one succeeds. A wrong
    /// one uses up a try.
    ///
    /// - Returns: false unless it was the address's code, good and unused.
    /// - Throws: ``ChatError`` `.rateLimited` when the client has tried too often.
    func redeem(_ code: StoredCode, for opening: SessionOpening, client: LimitedSubject) async throws -> Bool
}
