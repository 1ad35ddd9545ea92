import Mail
import SharedMemory

/// What the workers of one database tell each other of mail: whether the server takes any.
struct MailBoard: Sendable {
    static let section = BoardSection("mail", version: 1, words: 1)

    private let words: SharedWords

    /// - Parameter board: has ``section``.
    init(on board: Board) { words = board[Self.section] }

    var isFailing: Bool { words[0] != 0 }

    /// A mail that the server has refused for good says nothing of others.
    func note(_ event: Mailer.Event) {
        switch event {
        case .sent: words[0] = 0
        case .failed, .givenUp(_, attempts: 0): words[0] = 1
        case .givenUp: break
        }
    }
}
