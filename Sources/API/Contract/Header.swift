/// A header of a reply.
enum Header: String, CaseIterable, Sendable {
    case requestID = "X-Request-ID"
    case retryAfter = "Retry-After"
    case cache = "X-Parley-Cache"
    case shouldRetry = "X-Should-Retry"
    case authenticate = "WWW-Authenticate"
    case allow = "Allow"
    case requestLimit = "x-ratelimit-limit-requests"
    case requestsLeft = "x-ratelimit-remaining-requests"
    case requestReset = "x-ratelimit-reset-requests"
    case tokenLimit = "x-ratelimit-limit-tokens"
    case tokensLeft = "x-ratelimit-remaining-tokens"
    case tokenReset = "x-ratelimit-reset-tokens"

    static let rates: [Header] = [.requestLimit, .requestsLeft, .requestReset, .tokenLimit, .tokensLeft, .tokenReset]

    var reference: OrderedJSON { ["$ref": .string("#/components/headers/" + rawValue)] }

    var json: OrderedJSON {
        var json: OrderedJSON = ["description": .string(description)]
        json.add("required", self == .requestID ? true : nil)
        json.add("schema", schema.json)
        return json
    }

    private var description: String {
        switch self {
        case .requestID:
            "The request's id: yours, when you sent one of 8 to 64 letters, digits or `._-`, else a new one. It is "
                + "also in the server's log."
        case .retryAfter: "Seconds until the same request may succeed."
        case .cache:
            "Where the answer came from: `miss`, it was made just now; `hit`, it was made before for an equal "
                + "question; `joined`, it was made at the same time for an equal question; `stale`, it has expired "
                + "and no provider answers now."
        case .shouldRetry: "`false` where sending the same request again cannot succeed; OpenAI's clients obey it."
        case .authenticate: "How to authenticate."
        case .allow: "The methods that the path takes."
        case .requestLimit: "How many requests a minute the API key may make."
        case .requestsLeft: "How many of them are left now."
        case .requestReset: "When all of them will be there again."
        case .tokenLimit: "How many tokens a minute the API key may use."
        case .tokensLeft: "How many of them are left now."
        case .tokenReset: "When all of them will be there again."
        }
    }

    private var schema: Schema {
        switch self {
        case .requestID: .text(pattern: "^[A-Za-z0-9._-]{8,64}$", example: "62026dfe40fa1bb3f1e7d7f170aade70")
        case .retryAfter: .whole("", 1 ... .max)
        case .cache: .word("", ["miss", "hit", "joined", "stale"])
        case .shouldRetry: .text(pattern: "^false$")
        case .authenticate: .word("", ["Bearer"])
        case .allow: .text(example: "GET, HEAD")
        case .requestLimit, .tokenLimit: .whole("", 1 ... .max)
        case .requestsLeft, .tokensLeft: .whole()
        case .requestReset, .tokenReset: .text(pattern: "^([0-9]+h)?([0-9]+m)?[0-9.]+(s|ms)$", example: "1s")
        }
    }
}
