internal import Chat
internal import Glibc
internal import StrictJSON

/// A provider's error, by HTTP status, by an error object in a body, or by one in the midst of a stream.
///
/// Google: `{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","message":…,"details":[…]}}`.
/// OpenAI: `{"error":{"code":"rate_limit_exceeded","type":…,"message":…}}`.
/// OpenRouter: `{"error":{"code":429,"message":…,"metadata":{…}}}`. Others: `{"error":"words"}`.
struct ErrorReport {
    let status: Int
    private let retryAfter: Duration?
    private let error: JSON?

    /// - Parameters:
    ///   - retryAfter: the header's value.
    ///   - body: possibly cut or no JSON at all.
    init(status: Int, retryAfter: String?, body: [UInt8]) {
        self.status = status
        self.retryAfter = retryAfter.flatMap { RetryAfter.parse($0, now: time(nil)) }
        let document = try? JSON(parsing: body)
        error = document?["error"] ?? document?[0]?["error"]
    }

    /// An error object in a reply whose HTTP status was 200.
    init(_ error: JSON) {
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
        error?["message"]?.string ?? error?.string ?? ""
    }

    /// The header, else google.rpc.RetryInfo.
    private var wait: Duration? {
        retryAfter
            ?? error?["details"]?.array?.lazy.compactMap { $0["retryDelay"]?.string }.first
            .flatMap(RetryAfter.parse(protobufDuration:))
    }

    /// OpenAI and OpenRouter have a code for it, llama.cpp a type; Google, vLLM and others only say it.
    private func isTooLong(_ words: [String]) -> Bool {
        guard status == 400 || status == 413 else { return false }
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
