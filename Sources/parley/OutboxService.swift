import API
import Chat
import FoundationEssentials
import Glibc
import Logging
import Outbox
import SharedMemory

extension Settings {
    /// What the database puts into its outbox, told on the board.
    func intake(_ board: OutboxBoard) -> OutboxIntake {
        OutboxIntake(sources.outboxKinds, onQueued: { board.noteArrival() }, onFull: { board.noteLost($0) })
    }
}

extension OutboxHealth {
    init(_ kind: String, _ status: OutboxStatus) {
        self.init(
            kind: kind, state: status.word, isWell: !status.standsStill, pending: status.counts.pending,
            dead: status.counts.dead, age: status.age)
    }
}

extension OutboxStatus {
    /// How long the first of those that wait has waited.
    var age: Duration? { counts.oldest.map { .seconds(max(0, Date().timeIntervalSince($0))) } }

    /// For people.
    var text: String {
        var text = "\(word), \(counts.pending) pending"
        if let age { text += " (the oldest for \(StatusTable.span(age / .seconds(1))))" }
        if counts.dead > 0 { text += ", \(counts.dead) given up" }
        if lost > 0 { text += ", \(lost) lost for want of room" }
        return text
    }

    /// What `parley status` says of each kind that is told of exchanges.
    static func lines(_ sources: SettingSources) -> [String] {
        let kinds = sources.outboxKinds
        guard !kinds.isEmpty, let path = try? sources.sharedNames().board else { return [] }
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return [] }
        defer { close(file) }
        guard let board = try? Board(existing: file, path, [OutboxBoard.section]) else { return [] }
        return kinds.map { "outbox \($0.rawValue): \(OutboxBoard(on: board).status(of: $0).text)" }
    }
}

extension Logger {
    /// No line has a text of an exchange.
    func note(_ event: Sender.Event) {
        func facts(_ kind: OutboxKind, _ cause: String? = nil) -> Logger.Metadata {
            var facts: Logger.Metadata = ["kind": "\(kind.rawValue)"]
            if let cause { facts["cause"] = "\(cause)" }
            return facts
        }
        switch event {
        case .began: info("worker sends the outbox")
        case .standsStill(let kind, let cause): error("outbox stands still", metadata: facts(kind, cause))
        case .goesOn(let kind): notice("outbox goes on", metadata: facts(kind))
        case .stopped(let kind, let cause):
            error("outbox stopped until a reload", metadata: facts(kind, cause))
        case .refused(let kind, let exchange, let cause):
            warning(
                "exchange not told", metadata: facts(kind, cause).merging(["exchange": "\(exchange.text)"]) { $1 })
        case .died(let kind, let count):
            warning(
                "exchanges not told within a day",
                metadata: facts(kind).merging(["exchanges": .stringConvertible(count)]) { $1 })
        case .lost(let kind, let count):
            warning(
                "outbox is full", metadata: facts(kind).merging(["exchanges": .stringConvertible(count)]) { $1 })
        case .unavailable(let cause): warning("outbox cannot be read", metadata: ["cause": "\(cause)"])
        }
    }
}
