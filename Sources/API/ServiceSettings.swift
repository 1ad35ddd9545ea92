import Chat
import FastCGI

/// The settings of the HTTP side.
public struct ServiceSettings: Sendable {
    public let version: String
    public let messageLimit: Int
    /// The fewest characters of a user agent; nil takes any.
    public let minimumUserAgentLength: Int?
    /// Origins whose pages may call this server; `*` stands for all.
    public let corsOrigins: [String]
    /// The most chats that one worker holds at once.
    public let maxInFlight: Int

    public init(
        version: String, messageLimit: Int, minimumUserAgentLength: Int?, corsOrigins: [String], maxInFlight: Int
    ) {
        self.version = version
        self.messageLimit = messageLimit
        self.minimumUserAgentLength = minimumUserAgentLength
        self.corsOrigins = corsOrigins
        self.maxInFlight = maxInFlight
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

/// The caller's own id when it is 8 to 64 of `[A-Za-z0-9._-]`, else a fresh one of 32 hexadecimal digits.
func requestID(_ own: String?) -> String {
    if let own, (8...64).contains(own.utf8.count), own.utf8.allSatisfy(isRequestIDByte) { return own }
    let digits =
        String(UInt64.random(in: .min ... .max), radix: 16) + String(UInt64.random(in: .min ... .max), radix: 16)
    return String(repeating: "0", count: 32 - digits.utf8.count) + digits
}

private func isRequestIDByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
    default: false
    }
}
