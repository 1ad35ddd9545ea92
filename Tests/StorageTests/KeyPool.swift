import Chat
import Foundation
import Storage
import Synchronization
import Testing

/// A pool's keys in one database, by a clock that the test sets.
final class KeyPool: Sendable {
    let now = Mutex(Date(timeIntervalSince1970: 1_764_331_200))
    let alerts = Mutex<[BudgetAlert]>([])
    let temporary: TemporaryDatabase

    init() async throws { temporary = try await TemporaryDatabase() }

    /// What one process of the pool has.
    func process() throws -> Database {
        try Database(
            path: temporary.path, messageLimit: 2, now: { self.now.withLock { $0 } },
            onBudgetAlert: { alert in self.alerts.withLock { $0.append(alert) } })
    }

    func pass(_ seconds: TimeInterval) { now.withLock { $0 += seconds } }
}

extension Database {
    /// - Returns: the key, and who asks with it.
    func make(
        _ name: String = "n", expires: Date? = nil, limits: RateLimits = .none, budget: String? = nil,
        isManagement: Bool = false, models: [String]? = nil, created: Date = Date(timeIntervalSince1970: 1_764_331_200)
    ) async throws -> (key: APIKey, principal: Principal) {
        let hash = (0..<32).map { _ in UInt8.random(in: 0 ... .max) }
        let grant = try APIKey.Grant(
            name: name, expires: expires, models: models, limits: limits, budget: try budget.map { try Budget($0) },
            isManagement: isManagement)
        let key = APIKey(
            id: .random(), grant: grant, prefix: "prl_12345678", created: created, isDisabled: false, spent: .zero)
        try await insert(key, hash: hash, for: nil)
        return (key, try #require(try await principal(of: hash)))
    }

    func place(_ principal: Principal, dollars: String? = "0", tokens: Int = 0) -> Reservation {
        Reservation(
            id: ids.next(), principal: principal, key: nil,
            hold: Hold(tokens: tokens, cost: dollars.map { Money(dollars: $0)! }), deadline: .now + .seconds(30))
    }

    @discardableResult
    func settle(_ place: Reservation, dollars: String?, tokens: Int = 0) async throws -> Exchange {
        try await settle(Exchange(place, dollars: dollars, tokens: tokens), place, sharing: nil).admitted()
    }

    func forfeit(_ place: Reservation, dollars: String?) async throws {
        try await forfeit(Exchange(place, dollars: dollars), place, isCounted: true)
    }

    func spent(_ key: APIKey) async throws -> String {
        try await self.key(key.id.rawValue, for: nil).spent.dollars
    }
}

extension Exchange {
    /// What a model has answered.
    init(_ place: Reservation, dollars: String?, tokens: Int = 0) {
        self.init(
            id: place.id, conversation: ConversationID(first: place.id), question: "q",
            answer: Answer(
                text: "a", origin: .model(name: "m", provider: "p"), usage: TokenUsage(prompt: tokens, completion: 0),
                price: dollars.map { Money(dollars: $0)! }),
            danger: nil, created: place.id.created)
    }
}

extension Database {
    func record(_ question: String, by principal: Principal) async throws {
        _ = try await record(Exchange(question, "a"), for: principal).admitted()
    }
}

extension Result where Failure == Refusal {
    var refusal: Refusal? { if case .failure(let refusal) = self { refusal } else { nil } }
}

extension Result<Admission, Refusal> {
    var isGranted: Bool { if case .success(.granted) = self { true } else { false } }
}
