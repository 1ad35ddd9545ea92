import Chat
import FastCGI
import StrictJSON

/// The models that can be asked for by name.
public struct ModelList: Sendable {
    public struct Model: Sendable {
        public let name: String
        /// The provider that has it.
        public let owner: String

        public init(name: String, owner: String) {
            self.name = name
            self.owner = owner
        }
    }

    let models: [Model]
    /// Other names, each for one of the models.
    private let aliases: [String: String]

    public init(_ models: [Model], aliases: [String: String] = [:]) {
        self.models = models
        self.aliases = aliases
    }

    func model(_ name: String) -> Model? {
        let name = aliases[name] ?? name
        return models.first { $0.name == name }
    }

    /// The request with the model's own name in place of another one.
    ///
    /// - Throws: ``ChatError`` `.noSuchModel`.
    func named(_ request: ChatRequest) throws(ChatError) -> ChatRequest {
        guard let wanted = request.model else { return request }
        guard let model = model(wanted) else { throw .noSuchModel(wanted) }
        var request = request
        request.model = model.name
        return request
    }

    /// Under its own name first, and under each other one.
    var all: [(name: String, owner: String)] {
        let others = aliases.keys.sorted().compactMap { alias in model(alias).map { (alias, $0.owner) } }
        return models.map { ($0.name, $0.owner) } + others
    }
}

extension ChatError {
    fileprivate static func noSuchModel(_ name: String) -> ChatError {
        ChatError(
            .noSuchModel, "There is no model '\(name.prefix(100))' here; GET /v1/models has the ones that there are",
            field: "model")
    }
}

/// GET /v1/models, as OpenAI has it.
extension ChatService {
    func listModels(_ principal: Principal, _ context: inout RequestContext) async throws {
        let body = JSONWriter.object { json in
            json.member("object", "list")
            json.array("data") { list in
                for model in models.all { list.object { Self.describe(model, &$0) } }
            }
        }
        try await context.send(200, body)
    }

    func showModel(_ principal: Principal, _ context: inout RequestContext) async throws {
        let name = context.pathValue("model") ?? ""
        guard let model = models.model(name) else { throw ChatError.noSuchModel(name) }
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
