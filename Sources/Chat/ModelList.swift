/// The models that answer, in the order of fallback, and the names that callers may call them by.
public struct ModelList: Sendable {
    public struct Model: Sendable, Hashable {
        public let name: String
        /// The provider that has it, by its setting name.
        public let owner: String

        public init(name: String, owner: String) {
            self.name = name
            self.owner = owner
        }
    }

    public let models: [Model]
    /// Other names, each for one of the models.
    private let aliases: [String: String]

    public init(_ models: [Model], aliases: [String: String] = [:]) {
        self.models = models
        self.aliases = aliases
    }

    /// - Throws: ``ChatError`` `.noSuchModel`.
    public func model(_ name: String) throws(ChatError) -> Model {
        let wanted = aliases[name] ?? name
        guard let model = models.first(where: { $0.name == wanted }) else {
            throw ChatError(
                .noSuchModel,
                "There is no model '\(name.prefix(100))' here; GET /v1/models has the ones that there are",
                field: "model")
        }
        return model
    }

    /// Under its own name first, and under each other one.
    public var all: [(name: String, owner: String)] {
        let others = aliases.sorted { $0.key < $1.key }.compactMap { alias, name in
            models.first { $0.name == name }.map { (alias, $0.owner) }
        }
        return models.map { ($0.name, $0.owner) } + others
    }

    /// Those that a principal may ask. A key that may ask a model by one of its names may ask it by all of them.
    public func allowed(to principal: Principal) -> ModelList {
        guard let key = principal.key else { return self }
        guard !key.isManagement else { return ModelList([]) }
        guard let names = key.models.map({ Set($0.map { aliases[$0] ?? $0 }) }) else { return self }
        return ModelList(models.filter { names.contains($0.name) }, aliases: aliases)
    }
}
