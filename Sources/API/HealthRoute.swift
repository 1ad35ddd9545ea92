import Chat
import FastCGI
import FoundationEssentials
import StrictJSON

/// A provider, and whether questions are put to it.
public struct ProviderHealth: Sendable {
    public let name: String
    public let model: String
    /// `closed`: it is asked; `open`: it is left alone; `probing`: one question tries it.
    public let circuit: String
    /// Why it is left alone; nil while it is asked.
    public let cause: String?
    /// When it is tried again.
    public let retryIn: Duration?

    public init(name: String, model: String, circuit: String, cause: String?, retryIn: Duration?) {
        self.name = name
        self.model = model
        self.circuit = circuit
        self.cause = cause
        self.retryIn = retryIn
    }

    var isAsked: Bool { circuit == "closed" }
}

/// What works of the database. A fault is a word out of a fixed list: no path, no SQL.
public struct StoreHealth: Sendable {
    /// Nil when it can be read.
    public let readingFault: String?
    /// Nil when it can be written.
    public let writingFault: String?
    /// For the log only.
    public let cause: String?

    public init(readingFault: String?, writingFault: String?, cause: String?) {
        self.readingFault = readingFault
        self.writingFault = writingFault
        self.cause = cause
    }

    var isWhole: Bool { readingFault == nil && writingFault == nil }
    var word: String { readingFault != nil ? "unavailable" : writingFault != nil ? "read_only" : "connected" }
}

/// What GET /health asks about.
public protocol HealthSource: Sendable {
    /// Returns within seconds, whatever the database does.
    func database() async -> StoreHealth
    /// What can answer a question, in the order of fallback.
    var providers: [ProviderHealth] { get }
    /// Whether nothing but the embedded provider answers.
    var isEcho: Bool { get }
    /// Bytes of answers in this worker's memory.
    var cacheBytes: Int { get }
    /// What others are told of exchanges; empty where nobody is.
    func outbox() async -> [OutboxHealth]
    /// Whether the mail server took the last code; nil where nobody is sent any.
    var isMailTaken: Bool? { get }
}

/// How one kind of the outbox is.
public struct OutboxHealth: Sendable {
    let kind: String
    let state: String
    let isWell: Bool
    let pending: Int
    let dead: Int
    /// Since the first of those that wait.
    let age: Duration?

    public init(kind: String, state: String, isWell: Bool, pending: Int, dead: Int, age: Duration?) {
        (self.kind, self.state, self.isWell) = (kind, state, isWell)
        (self.pending, self.dead, self.age) = (pending, dead, age)
    }
}

extension ChatService {
    /// 200 while this worker takes requests. It touches nothing: for probes that restart what does not answer.
    func showLife(_ context: inout RequestContext) async throws {
        let body = JSONWriter.object { json in
            json.member("status", "alive")
            json.member("timestamp", Date().iso8601)
            json.member("version", settings.version)
        }
        try await context.send(200, body)
    }

    /// 200 when requests can be served, 503 when the database cannot be read or written. A provider that is left
    /// alone, an outbox that stands still and mail that is not taken are no reason for a 503, but are named, and make the
    /// status "degraded".
    func showHealth(_ context: inout RequestContext) async throws {
        let start = ContinuousClock.now
        let database = await health.database()
        let databaseTime = ContinuousClock.now - start
        let isDetailed = ["true", "1"].contains(try context.request.query("detailed"))
        let providers = health.providers
        let isWhole = providers.allSatisfy(\.isAsked)
        let outbox = await health.outbox()
        let isWell = isWhole && outbox.allSatisfy(\.isWell) && health.isMailTaken != false
        let aiService =
            health.isEcho
            ? "echo" : isWhole ? "available" : providers.contains(where: \.isAsked) ? "degraded" : "unavailable"
        let status = !database.isWhole ? "unhealthy" : isWell ? "healthy" : "degraded"
        let body = JSONWriter.object { json in
            json.member("status", status)
            json.member("timestamp", Date().iso8601)
            json.member("version", settings.version)
            json.member("database", database.word)
            json.member("ai_service", aiService)
            guard isDetailed else { return }
            json.object("components") { json in
                json.object("database") { json in
                    json.member("status", database.word)
                    json.member("reading", database.readingFault ?? "ok")
                    json.member("writing", database.writingFault ?? "ok")
                    json.member("milliseconds", databaseTime.milliseconds)
                }
                json.array("providers") { list in
                    for provider in providers {
                        list.object { json in
                            json.member("name", provider.name)
                            json.member("model", provider.model)
                            json.member("circuit", provider.circuit)
                            if let cause = provider.cause { json.member("cause", cause) }
                            if let wait = provider.retryIn { json.member("retry_in_ms", Int(wait.milliseconds)) }
                        }
                    }
                }
                if !outbox.isEmpty {
                    json.array("outbox") { list in
                        for one in outbox {
                            list.object { json in
                                json.member("kind", one.kind)
                                json.member("state", one.state)
                                json.member("pending", one.pending)
                                json.member("dead", one.dead)
                                if let age = one.age { json.member("oldest_ms", Int(age.milliseconds)) }
                            }
                        }
                    }
                }
                if let isTaken = health.isMailTaken { json.member("mail", isTaken ? "sending" : "failing") }
                json.object("cache") { $0.member("memory_bytes", health.cacheBytes) }
                json.object("worker") { json in
                    json.member("in_flight", pipeline.load.current)
                    json.member("max_in_flight", pipeline.load.limit)
                }
            }
        }
        guard database.isWhole else {
            context.failure = ErrorReply(
                ChatError.storage(database.cause ?? database.word), requestID: context.id, in: context.dialect)
            return try await context.send(503, body, headers: [("Retry-After", "5")])
        }
        try await context.send(200, body)
    }
}

extension ChatService {
    static let lifeSchema = Schema.record([
        "status": .word("", ["alive"]), "timestamp": .time("Now."), "version": .text("The program's version."),
    ])

    static let healthSchema = Schema.record(
        "How the parts of the service are.",
        [
            "status": .word(
                "`degraded` when a provider is left alone because it fails, the outbox stands still, or the mail server "
                    + "takes no codes; `unhealthy` when the database cannot be used.",
                ["healthy", "degraded", "unhealthy"]),
            "timestamp": .time("Now."), "version": .text("The program's version."), "database": databaseWord,
            "ai_service": .word(
                "`degraded` when one of the providers is left alone, `unavailable` when all are, `echo` when none is "
                    + "set.",
                ["available", "degraded", "unavailable", "echo"]),
            "components": componentsSchema,
        ], optional: ["components"])

    private static let databaseWord = Schema.word("", ["connected", "read_only", "unavailable"])

    private static let componentsSchema = Schema.record(
        "Only with `detailed=true`.",
        [
            "database": .record([
                "status": databaseWord, "reading": .text("`ok`, or a word for the fault."),
                "writing": .text("`ok`, or a word for the fault."), "milliseconds": .number("What looking took."),
            ]),
            "providers": .list(
                "In the order in which they are asked.",
                of: .record(
                    [
                        "name": .text("The provider's name in the settings."), "model": .text(),
                        "circuit": .word(
                            "`closed`: it is asked; `open`: it is left alone; `probing`: one question tries it.",
                            ["closed", "open", "probing"]),
                        "cause": .text("Why it is left alone."),
                        "retry_in_ms": .whole("Milliseconds until it is tried again."),
                    ], optional: ["cause", "retry_in_ms"])),
            "outbox": .list(
                "Where others are told of exchanges.",
                of: .record(
                    [
                        "kind": .word("", ["discord", "webhook"]),
                        "state": .word(
                            "`failing`: nothing but failures comes; `stopped`: nothing is tried until a reload.",
                            ["sending", "failing", "stopped"]),
                        "pending": .whole("Exchanges that are yet to be told."),
                        "dead": .whole("Exchanges that were given up."),
                        "oldest_ms": .whole("How long the first of those that wait has waited."),
                    ], optional: ["oldest_ms"])),
            "mail": .word("`failing` since the mail server did not take a code.", ["sending", "failing"]),
            "cache": .record(["memory_bytes": .whole("Of answers in the memory of the worker that answered this.")]),
            "worker": .record([
                "in_flight": .whole("Questions that this worker is asking a model, or waiting for."),
                "max_in_flight": .whole("How many it may.", 1 ... .max),
            ]),
        ], optional: ["outbox", "mail"])
}
