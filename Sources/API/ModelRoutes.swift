import Chat
import FastCGI
import StrictJSON

/// GET /v1/models, as OpenAI has it: what the caller may ask.
extension ChatService {
    func listModels(_ principal: Principal, _ context: inout RequestContext) async throws {
        let body = JSONWriter.object { json in
            json.member("object", "list")
            json.array("data") { list in
                for model in models.allowed(to: principal).all { list.object { Self.describe(model, &$0) } }
            }
        }
        try await context.send(200, body)
    }

    func showModel(_ principal: Principal, _ context: inout RequestContext) async throws {
        let name = context.pathValue("model") ?? ""
        let model = try models.allowed(to: principal).model(name)
        try await context.send(200, JSONWriter.object { Self.describe((name, model.owner), &$0) })
    }

    private static func describe(_ model: (name: String, owner: String), _ json: inout JSONWriter.Members) {
        json.member("id", model.name)
        json.member("object", "model")
        // When it was made nobody tells us; the contract wants a number.
        json.member("created", 0)
        json.member("owned_by", model.owner)
    }
}

extension ChatService {
    static let modelSchema = Schema.record(
        "A model that can be asked for.",
        [
            "id": .text("What to send as `model`."), "object": .word("", ["model"]),
            "created": .whole("Always 0: nobody tells.").with("const", 0),
            "owned_by": .text("The provider's name in the settings."),
        ])

    static let modelListSchema = Schema.record([
        "object": .word("", ["list"]), "data": .list(of: .reference(.model)),
    ])
}
