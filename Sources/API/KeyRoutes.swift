import Chat
import FastCGI
import FoundationEssentials
import StrictJSON

/// API keys over HTTP, for a management key: what `parley key` does on the machine itself.
extension ChatService {
    func createKey(_ principal: Principal, _ context: inout RequestContext) async throws {
        let grant = try Self.grant(try context.request.jsonObject())
        let (key, token) = try await registry().make(grant, for: principal)
        note(.keyCreated, by: principal, of: [key.id.rawValue], context)
        try await context.send(201, KeyReply.object(key, token: token))
    }

    func listKeys(_ principal: Principal, _ context: inout RequestContext) async throws {
        try await context.send(200, KeyReply.list(try await registry().keys(for: principal)))
    }

    func showKey(_ principal: Principal, _ context: inout RequestContext) async throws {
        let key = try await registry().key(context.pathValue("key") ?? "", for: principal)
        try await context.send(200, KeyReply.object(key))
    }

    func revokeKey(_ principal: Principal, _ context: inout RequestContext) async throws {
        let key = try await registry().revoke(context.pathValue("key") ?? "", for: principal)
        note(.keyRevoked, by: principal, of: [key.id.rawValue], context)
        try await context.send(200, KeyReply.object(key))
    }

    func rotateKey(_ principal: Principal, _ context: inout RequestContext) async throws {
        let json = try context.request.jsonObject()
        try json.allows(["grace"])
        let grace = try json.text("grace").map { text throws(ChatError) in try TimeSpan(text, field: "grace") }
        let (key, token) = try await registry().rotate(context.pathValue("key") ?? "", grace: grace, for: principal)
        note(.keyRotated, by: principal, of: [key.id.rawValue], context)
        try await context.send(200, KeyReply.object(key, token: token))
    }

    private func registry() throws(ChatError) -> any APIKeyRegistry {
        guard let keys else { throw ChatError(.notFound, "There are no API keys on this server") }
        return keys
    }

    /// What is misspelt must not leave a key without its limit.
    private static func grant(_ json: JSON) throws(ChatError) -> APIKey.Grant {
        try json.allows(["name", "expires", "models", "rpm", "tpm", "parallel", "budget", "management"])
        guard let name = try json.text("name") else { throw .invalid("name", "is required") }
        let life = try json.text("expires").map { text throws(ChatError) in try TimeSpan(text, field: "expires") }
        return try APIKey.Grant(
            name: name, expires: life.map { Date() + $0.seconds }, models: try json.texts("models"),
            limits: RateLimits(
                requests: try json.number("rpm"), tokens: try json.number("tpm"),
                parallel: try json.number("parallel")),
            budget: try json.text("budget").map { text throws(ChatError) in try Budget(text) },
            isManagement: try json.flag("management") ?? false)
    }
}

extension JSON {
    fileprivate func allows(_ names: [String]) throws(ChatError) {
        guard let unknown = (object ?? [:]).keys.sorted().first(where: { !names.contains($0) }) else { return }
        throw .invalid(unknown, "is none of \(names.joined(separator: ", "))")
    }

    fileprivate func number(_ name: String) throws(ChatError) -> Int? {
        guard let value = member(name) else { return nil }
        guard let number = value.int.flatMap({ Int(exactly: $0) }) else {
            throw .invalid(name, "must be a whole number")
        }
        return number
    }

    fileprivate func texts(_ name: String) throws(ChatError) -> [String]? {
        guard let value = member(name) else { return nil }
        guard let values = value.array else { throw .invalid(name, "must be a list of names") }
        var texts: [String] = []
        for value in values {
            guard let text = value.string else { throw .invalid(name, "must be a list of names") }
            texts.append(text)
        }
        return texts
    }
}

extension ChatService {
    static let grantSchema = Schema.record(
        "What a key is made with, and keeps. A member that is null counts as absent; one that is not known is "
            + "refused, so that a misspelt limit leaves no key without one.",
        [
            "name": .text(
                "What it is for: 1 to \(APIKey.Grant.longestName) characters, and not the form of a key's id.",
                pattern: #"\S"#, length: 1...APIKey.Grant.longestName, example: "ci"),
            "expires": .text(
                "After how long it ends by itself, ten years at most; never by default.", pattern: timeSpan
            )
            .orNull,
            "models": .list(
                "The models that it may ask, each by all of its names; all by default.",
                of: .text(pattern: #"^[^\s,]+$"#, length: 1...200), 1...100
            ).with("uniqueItems", true).orNull,
            "rpm": .whole("Requests a minute, over all workers.", 1...RateLimits.most).orNull,
            "tpm": .whole("Tokens a minute.", 1...RateLimits.most).orNull,
            "parallel": .whole("Calls under way at once.", 1...RateLimits.most).orNull,
            "budget": .text(
                "The most that it may cost in a day, a week (from Monday), a month or in total, in UTC; up to 6 "
                    + "digits after the point.",
                pattern: #"^[0-9]{1,6}(\.[0-9]{1,6})?usd/(day|week|month|total)$"#, example: "20usd/month"
            ).orNull,
            "management": .flag("Whether it manages keys, and asks no model.").orNull,
        ],
        optional: ["expires", "models", "rpm", "tpm", "parallel", "budget", "management"], isClosed: true)

    static let rotationSchema = Schema.record(
        [
            "grace": .text(
                "How long the old secret works beside the new one; not at all by default.", pattern: timeSpan
            ).orNull
        ],
        optional: ["grace"], isClosed: true)

    /// A number and `s`, `m`, `h`, `d` or `w`.
    private static let timeSpan = "^[0-9]+[smhdw]$"
}
