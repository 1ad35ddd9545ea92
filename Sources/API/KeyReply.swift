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
