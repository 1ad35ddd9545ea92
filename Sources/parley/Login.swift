import API
import Chat
import EventLoop
import Logging
import Mail
import Sessions
import Storage

/// How people log in, wired.
struct LoginService {
    let login: Login
    /// Nil where nobody is sent mail.
    private let mailer: Mailer?

    init(
        _ settings: Settings, _ sessions: TokenAuthenticator, _ store: Database, _ board: MailBoard, log: Logger
    ) throws {
        let sources = settings.sources
        switch settings.authMode {
        case .open: (login, mailer) = (.open, nil)
        case .external: (login, mailer) = (.external(try sources.openIDClient()), nil)
        case .code:
            let mailer = Mailer(
                try sources.mailServer(), from: try sources.required(Catalog.smtpFrom),
                site: try sources.optional(Catalog.serverName)?.first ?? "Parley", background: .loop
            ) { event in
                board.note(event)
                log.note(event)
            }
            let limits = MailedCodeLogin.Limits(
                mailbox: try sources.required(Catalog.codesPerMailbox),
                client: try sources.required(Catalog.codesPerClient))
            login = .code(
                MailedCodeLogin(
                    sessions, hashes: KeyedHash(settings.identityKey), store: store, mailer: mailer, limits: limits))
            self.mailer = mailer
        }
    }

    /// Waits for mails that are on their way: what a server does not take is not waited for.
    func finish(by deadline: ContinuousClock.Instant) async {
        while let mailer, mailer.isUnderWay, ContinuousClock.now < deadline {
            try? await LoopClock().sleep(for: .milliseconds(20))
        }
    }
}

extension Logger {
    /// No line has an address.
    fileprivate func note(_ event: Mailer.Event) {
        switch event {
        case .sent: debug("code sent")
        case .failed(let cause, let attempt, let again):
            warning(
                "code not sent yet",
                metadata: [
                    "cause": "\(cause)", "attempt": .stringConvertible(attempt),
                    "again_in_s": .stringConvertible(again.components.seconds),
                ])
        case .givenUp(let cause, let attempts):
            error("code not sent", metadata: ["cause": "\(cause)", "attempts": .stringConvertible(attempts)])
        }
    }
}
