/// What a caller reads, as it was told once.
extension ErrorStatus {
    static let requestID = "62026dfe40fa1bb3f1e7d7f170aade70"

    func example(in dialect: any Dialect.Type) -> OrderedJSON {
        let words = words
        if dialect == CompletionDialect.self {
            return [
                "error": [
                    "message": .string(words.openAIMessage ?? words.message), "type": .string(words.type),
                    "param": words.parameter.map { .string($0) } ?? .null,
                    "code": words.code.map { .string($0) } ?? .null,
                ]
            ]
        }
        return [
            "error": .string(words.title), "message": .string(words.message),
            "details": .array(words.details.map { .string($0) }), "status_code": .int(rawValue),
            "request_id": .string(Self.requestID),
        ]
    }

    private struct Words {
        let title: String
        let message: String
        var details: [String] = []
        var type = "invalid_request_error"
        var code: String?
        var parameter: String?
        /// Where it is another one.
        var openAIMessage: String?
    }

    private var words: Words {
        switch self {
        case .badRequest:
            Words(
                title: "Bad request", message: "The body is not JSON: '}' expected near end of file",
                details: ["'}' expected near end of file"], code: "invalid_value", parameter: "temperature",
                openAIMessage: "temperature must be a number from 0 to 2")
        case .unauthorized:
            Words(
                title: "Unauthorized", message: "The session has ended; log in again", code: "invalid_api_key",
                openAIMessage: "The API key is not valid: it is mistyped, unknown, revoked or expired")
        case .forbidden:
            Words(
                title: "Forbidden", message: "Only your own history can be read; your user_id is in GET /auth/session",
                type: "permission_error", openAIMessage: "Only a management key may see and change keys")
        case .notFound:
            Words(
                title: "Not found", message: "There is no such conversation in this session", code: "model_not_found",
                parameter: "model",
                openAIMessage: "There is no model 'gpt-17' here; GET /v1/models has the ones that there are")
        case .methodNotAllowed:
            Words(title: "Method not allowed", message: "/chat takes POST only")
        case .conflict:
            Words(
                title: "Conflict", message: "The key key_5d0c3e9b8f6e217a is revoked or expired; make a new one",
                code: "conflict")
        case .tooLarge:
            Words(
                title: "Content too large", message: "The body may have at most 128 KiB", code: "request_too_large",
                openAIMessage: "The body is longer than this server takes")
        case .longAddress:
            Words(title: "URI too long", message: "The address of the request may have at most 8 KiB")
        case .mediaType:
            Words(
                title: "Unsupported media type",
                message: "Send the body as Content-Type: application/json, in UTF-8")
        case .misdirected:
            Words(title: "Misdirected request", message: "This server does not answer for that host name")
        case .invalid:
            Words(
                title: "Validation failed", message: "content must not be empty",
                details: ["content: must not be empty"], code: "invalid_value")
        case .tooMany:
            Words(
                title: "Too many requests",
                message: "The rate limit for your address is used up; try again in 6 s",
                type: "requests", code: "rate_limit_exceeded",
                openAIMessage: "The key may make 60 requests a minute; try again in 1 s")
        case .internalFault:
            Words(title: "Internal server error", message: "Something went wrong here", type: "server_error")
        case .notImplemented:
            Words(
                title: "Not implemented", message: "That transfer encoding is not supported", type: "server_error")
        case .badGateway:
            Words(
                title: "Bad gateway", message: "The application gave no answer; please try again", type: "server_error")
        case .unavailable:
            Words(
                title: "Service unavailable", message: "No model provider can answer right now; please try again",
                type: "server_error", code: "unavailable")
        case .timeout:
            Words(
                title: "Deadline passed", message: "The model did not answer in time; please try again",
                type: "server_error", code: "timeout")
        case .httpVersion:
            Words(title: "HTTP version not supported", message: "Use HTTP/1.1 or HTTP/2", type: "server_error")
        }
    }
}
