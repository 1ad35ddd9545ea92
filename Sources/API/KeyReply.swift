public import Chat
import StrictJSON

/// An API key in JSON, from the program's routes and its command line alike.
public enum KeyReply {
    /// - Parameter token: of a key that was made just now: its secret.
    public static func object(_ key: APIKey, token: String? = nil) -> [UInt8] {
        JSONWriter.object { describe(key, token, &$0) }
    }

    /// In the form of OpenAI's lists.
    public static func list(_ keys: [APIKey]) -> [UInt8] {
        JSONWriter.object { json in
            json.member("object", "list")
            json.array("data") { list in
                for key in keys { list.object { describe(key, nil, &$0) } }
            }
        }
    }

    public static func array(_ keys: [APIKey]) -> [UInt8] {
        JSONWriter.array { list in
            for key in keys { list.object { describe(key, nil, &$0) } }
        }
    }

    private static func describe(_ key: APIKey, _ token: String?, _ json: inout JSONWriter.Members) {
        let grant = key.grant
        json.member("id", key.id.rawValue)
        json.member("name", grant.name)
        if let token { json.member("key", token) }
        json.member("prefix", key.prefix)
        json.member("created_at", key.created.iso8601)
        json.member("expires_at", grant.expires?.iso8601)
        json.member("budget", grant.budget?.description)
        json.member("spent", JSONDecimal(key.spent.dollars))
        json.member("rpm", grant.limits.requests)
        json.member("tpm", grant.limits.tokens)
        json.member("parallel", grant.limits.parallel)
        json.member("models", grant.models.map { JSON.array($0.map(JSON.string)) })
        json.member("management", grant.isManagement)
        json.member("disabled", key.isDisabled)
    }
}

extension KeyReply {
    /// - Parameter isNew: with its secret.
    static func schema(isNew: Bool = false) -> Schema {
        let secret: Schema.Members = [
            "key": .text("The secret, which is not shown again.", pattern: "^prl_[0-9A-Za-z]{36}$")
        ]
        return .record(
            isNew ? "A key with a new secret." : "An API key.",
            ["id": .keyID, "name": .text("What it is for.")] + (isNew ? secret : [:]) + [
                "prefix": .text("How its secret begins, to tell keys apart.", pattern: "^prl_[0-9A-Za-z]{8}$"),
                "created_at": .time("When it was made."),
                "expires_at": .time("When it ends by itself; null for never.").orNull,
                "budget": .text("The most that it may cost, such as `20usd/month`; null for anything.").orNull,
                "spent": .number(
                    "What it has cost in the budget's present period, in dollars; without a budget, all that it has "
                        + "cost."
                ),
                "rpm": .whole("Requests a minute; null for any number.", limits).orNull,
                "tpm": .whole("Tokens a minute; null for any number.", limits).orNull,
                "parallel": .whole("Calls under way at once; null for any number.", limits).orNull,
                "models": .list("The models that it may ask; null for all.", of: .text()).orNull,
                "management": .flag("Whether it manages keys and asks no model."),
                "disabled": .flag("Whether it was revoked."),
            ])
    }

    private static let limits = 1...RateLimits.most

    static let listSchema = Schema.record([
        "object": .word("", ["list"]), "data": .list("The newest first.", of: .reference(.key)),
    ])
}
