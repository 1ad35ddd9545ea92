import Chat
import FastCGI
import FoundationEssentials
import StrictJSON

/// API keys over HTTP, for a management key: what `parley key` does on the machine itself.
extension ChatService {
    func createKey(_ principal: Principal, _ context: inout RequestContext) async throws {
        let grant = try Self.grant(try context.request.jsonObject())
        let (key, token) = try await registry().make(grant, for: principal)
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
        try await context.send(200, KeyReply.object(key))
    }

    func rotateKey(_ principal: Principal, _ context: inout RequestContext) async throws {
        let json = try context.request.jsonObject()
        try json.allows(["grace"])
        let grace = try json.text("grace").map { text throws(ChatError) in try TimeSpan(text, field: "grace") }
        let (key, token) = try await registry().rotate(context.pathValue("key") ?? "", grace: grace, for: principal)
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
