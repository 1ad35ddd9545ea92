internal import Chat
internal import Curl
internal import Glibc
internal import StrictJSON

/// A provider's error, by HTTP status, by an error object in a body, or by one in the midst of a stream.
///
/// Google: `{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":…,"details":[…]}}`.
/// OpenAI: `{"error":{"code":"rate_limit_exceeded","type":…,"message":…}}`.
/// OpenRouter: `{"error":{"code":429,"message":…,"metadata":{…}}}`. Others: `{"error":"words"}`.
/// vLLM: `{"object":"error","message":…,"type":…,"code":400}`. FastChat: `{"text":…,"error_code":50001}`.
struct ErrorReport {
    let status: Int
    private let retryAfter: Duration?
    /// The object that tells of the error: the body itself where it has no member for it.
    private let error: JSON?
    /// What stands beside the error: some servers give it one word, and the sentence to the body.
    private let body: JSON?

    /// - Parameters:
    ///   - retryAfter: the header's value.
    ///   - body: possibly cut or no JSON at all.
    init(status: Int, retryAfter: String?, body: [UInt8]) {
        self.status = status
        self.retryAfter = retryAfter.flatMap { RetryAfter.parse($0, now: time(nil)) }
        let document = try? JSON(parsing: body, .tolerant)
        self.body = document?[0] ?? document
        error = self.body?.reported ?? self.body
    }

    /// An error in a reply whose HTTP status was 200.
    ///
    /// - Parameter document: a chunk, or a part of one that may hold an error of its own.
    /// - Returns: nil when it tells of none.
    init?(in document: JSON) {
        guard let error = document.reported ?? (document.isError ? document : nil) else { return nil }
        let code = error["code"]
        let words = Self.words(of: error)
        if let number = code?.int ?? code?.string.flatMap({ Int64($0) }), (400...599).contains(number) {
            status = Int(number)
        } else if words.contains(where: { $0.contains("rate_limit") || $0 == "resource_exhausted" }) {
            status = 429
        } else if words.contains("invalid_api_key") || words.contains("authentication_error") {
            status = 401
        } else if words.contains("invalid_request_error") {
            status = 400
        } else {
            status = 500
        }
        retryAfter = nil
        self.error = error
        body = document
    }

    /// The one place that decides what a provider's status means.
    var reason: ModelFailure.Reason {
        let words = Self.words(of: error)
        if let word = words.first(where: { Self.filterWords.contains($0) }) { return .filtered(reason: word) }
        // OpenRouter's moderation.
        if let reasons = error?["metadata"]?["reasons"]?.array, status == 403 {
            return .filtered(reason: reasons.compactMap(\.string).joined(separator: ", "))
        }
        // Google answers a wrong key with 400, OpenAI an empty account with 429.
        let details = error?["details"]?.array ?? []
        if words.contains("insufficient_quota")
            || details.contains(where: { $0["reason"]?.string == "API_KEY_INVALID" })
            || message.hasPrefix("API key not valid")
        {
            return .unauthorized(status: status)
        }
        if isTooLong(words) { return .tooLong }
        switch status {
        case 429: return .rateLimited(retryAfter: wait)
        case 401, 402, 403: return .unauthorized(status: status)
        case 500...599: return .serverError(status: status, retryAfter: wait)
        default: return .refused(status: status)
        }
    }

    /// With all of the provider's words, which may quote the key: see `StreamedCall`.
    func failure(of provider: String) -> ModelFailure {
        let detail = message.isEmpty ? "HTTP \(status)" : "HTTP \(status): \(message)"
        return ModelFailure(provider: provider, reason: reason, detail: detail)
    }

    private var message: String {
        let texts = [error?["message"], error, body?["message"], body?["detail"]].compactMap { $0?.string }
        // FastChat's text is an answer's in every other server.
        let said = texts.isEmpty ? [error?["text"]?.string ?? ""] : texts
        return said.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }.joined(separator: ": ")
    }

    /// The header, else google.rpc.RetryInfo.
    private var wait: Duration? {
        retryAfter
            ?? error?["details"]?.array?.lazy.compactMap { $0["retryDelay"]?.string }.first
            .flatMap(RetryAfter.parse(protobufDuration:))
    }

    /// OpenAI and OpenRouter have a code for it, llama.cpp a type; Google, vLLM and others only say it.
    private func isTooLong(_ words: [String]) -> Bool {
        guard [400, 413, 422].contains(status) else { return false }
        return words.contains { $0.contains("context_length") || $0.contains("context_size") }
            || Self.tooLongPhrases.contains(where: message.lowercased().contains)
    }

    private static let tooLongPhrases = [
        "maximum context length", "context window", "input token count", "exceeds the maximum number of tokens",
        "prompt is too long",
    ]

    private static let filterWords: Set = [
        "content_filter", "content_policy_violation", "responsibleaipolicyviolation",
    ]

    private static func words(of error: JSON?) -> [String] {
        [error?["code"], error?["type"], error?["status"], error?["innererror"]?["code"]]
            .compactMap { $0?.string?.lowercased() }
    }
}

extension JSON {
    /// What the member for errors holds, unless that says that there is none.
    fileprivate var reported: JSON? {
        guard let error = self["error"], error != .null, error != .bool(false), error != .string("") else { return nil }
        return error
    }

    /// Whether this is an error in itself.
    fileprivate var isError: Bool {
        self["object"]?.string == "error" || self["error_code"].map { $0 != .null && $0 != .int(0) } ?? false
    }
}
