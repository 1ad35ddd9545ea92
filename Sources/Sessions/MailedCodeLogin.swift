public import Chat
public import FoundationEssentials
import Glibc

/// Logs people in by codes in their mail. A user that is proved like this is another one than the user that the same
/// address is where it is only typed: nothing that is typed reaches what was proved, in whichever order.
public struct MailedCodeLogin: CodeLogin {
    public struct Limits: Sendable {
        /// Codes that one mailbox is sent in a day.
        let mailbox: DailyLimit
        /// Codes that one network address may ask for in a day.
        let client: DailyLimit
        /// And how many it may try.
        let tries: DailyLimit

        /// - Parameters:
        ///   - mailbox: codes of one mailbox in a day, a quarter of them at once.
        ///   - client: codes of one network address in a day, a quarter of them at once, each with all its tries.
        public init(mailbox: Int, client: Int) {
            self.mailbox = DailyLimit(perDay: mailbox, atOnce: mailbox / 4)
            self.client = DailyLimit(perDay: client, atOnce: client / 4)
            tries = DailyLimit(perDay: client * LoginCode.tries, atOnce: client / 4 * LoginCode.tries)
        }
    }

    private let sessions: TokenAuthenticator
    private let hashes: KeyedHash
    private let store: any LoginCodeStore
    private let mailer: any CodeMailer
    private let limits: Limits
    private let now: @Sendable () -> Date

    public init(
        _ sessions: TokenAuthenticator, hashes: KeyedHash, store: any LoginCodeStore, mailer: any CodeMailer,
        limits: Limits, now: @escaping @Sendable () -> Date = { Date() }
    ) {
        self.sessions = sessions
        self.hashes = hashes
        self.store = store
        self.mailer = mailer
        self.limits = limits
        self.now = now
    }

    public func sendCode(to email: Email, for client: String) async throws {
        let code = LoginCode.random()
        let end = ContinuousClock.now + .seconds(LoginCode.lifetime)
        let isToBeSent = try await store.put(
            stored(code, of: email), expires: now().addingTimeInterval(LoginCode.lifetime),
            mailbox: LimitedSubject("mailbox " + hashes.mailbox(email), limits.mailbox),
            client: LimitedSubject("codes " + hashes.network(client), limits.client))
        if isToBeSent { mailer.send(code, to: email, before: end) }
    }

    public func open(_ email: Email, _ code: LoginCode, browser: String, client: String) async throws -> (
        session: Session, token: String
    ) {
        let opening = sessions.opening(
            hashes.provedUser(email), email, isProved: true, browser: browser, address: client)
        let isOpen = try await store.redeem(
            stored(code, of: email), for: opening,
            client: LimitedSubject("tries " + hashes.network(client), limits.tries))
        guard isOpen else {
            throw ChatError(
                .unauthorized, "The code is wrong, used up or expired; ask for a new one", cause: "no such code")
        }
        return (opening.session, sessions.token(of: opening.session))
    }

    private func stored(_ code: LoginCode, of email: Email) -> StoredCode {
        StoredCode(address: hashes.email(email), code: Array(hashes.code(code, of: email).utf8))
    }
}

extension KeyedHash {
    /// Hexadecimal, of an IPv4 address or of the /64 that an IPv6 address is in: one caller has all of it.
    func network(_ client: String) -> String {
        var bytes = in6_addr()
        guard inet_pton(AF_INET6, client, &bytes) == 1 else { return address(client) }
        let network = withUnsafeBytes(of: &bytes) { Array($0.prefix(8)) }
        return address(network.map { String($0, radix: 16) }.joined(separator: ":"))
    }
}
