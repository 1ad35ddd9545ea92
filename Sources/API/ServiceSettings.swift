public import Chat
import FastCGI

/// The settings of the HTTP side.
public struct ServiceSettings: Sendable {
    public let version: String
    public let messageLimit: Int
    /// The fewest characters of a user agent; nil takes any.
    public let minimumUserAgentLength: Int?
    /// Origins whose pages may call this server; `*` stands for all.
    public let corsOrigins: [String]
    /// Bytes of a request by OpenAI's contract.
    public let completionBodyLimit: Int
    /// After which silence a stream has a comment.
    public let commentInterval: Duration
    public let tracing: TracePolicy

    public init(
        version: String, messageLimit: Int, minimumUserAgentLength: Int?, corsOrigins: [String],
        completionBodyLimit: Int = 4_194_304, commentInterval: Duration = .seconds(15),
        tracing: TracePolicy = .off
    ) {
        self.commentInterval = commentInterval
        self.tracing = tracing
        self.completionBodyLimit = completionBodyLimit
        self.version = version
        self.messageLimit = messageLimit
        self.minimumUserAgentLength = minimumUserAgentLength
        self.corsOrigins = corsOrigins
    }

    func checkUserAgent(_ agent: String?) throws(ChatError) {
        guard let minimum = minimumUserAgentLength, (agent ?? "").unicodeScalars.count < minimum else { return }
        throw ChatError(
            .forbidden, "Requests need a User-Agent header of at least \(minimum) characters",
            cause: "user agent too short")
    }

    func corsOrigin(for request: Request) -> String? {
        guard !corsOrigins.isEmpty, let origin = request.header("ORIGIN") else { return nil }
        return corsOrigins.contains(origin) || corsOrigins.contains("*") ? origin : nil
    }
}
