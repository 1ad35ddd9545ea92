import Curl

/// Where in Discord sessions are shown, and how much of them.
public struct DiscordSettings: Sendable {
    public static let defaultAPI = "https://discord.com/api/v10"

    /// Who writes.
    public enum Writer: Sendable {
        /// Of a forum or media channel, whose posts are the threads.
        case webhook(DiscordWebhook)
        /// Into a text channel, whose messages get the threads.
        case bot(token: String, channel: String)
    }

    let writer: Writer
    let api: String
    /// Whether email and network address are shown, where they are known.
    let showsDetails: Bool
    let userAgent: String

    /// - Parameters:
    ///   - api: where Discord's API is, with its version.
    ///   - site, version: what the program is called there, as Discord's rules want it.
    /// - Throws: ``OutboxFault``.
    public init(
        _ writer: Writer, api: OutboundURL, showsDetails: Bool, site: String, version: String
    ) throws(OutboxFault) {
        guard !api.url.hasQueryOrFragment else { throw OutboxFault("must have no query and no fragment") }
        var text = api.text[...]
        while text.hasSuffix("/") { text.removeLast() }
        (self.writer, self.api, self.showsDetails) = (writer, String(text), showsDetails)
        userAgent = "DiscordBot (\(site), \(version))"
    }

    /// The webhook's or the channel's.
    var channel: String {
        switch writer {
        case .webhook(let webhook): webhook.id
        case .bot(_, let channel): channel
        }
    }

    var headers: [(name: String, value: String)] {
        if case .bot(let token, _) = writer { [("Authorization", "Bot \(token)")] } else { [] }
    }

    var fingerprint: UInt64 {
        switch writer {
        case .webhook(let webhook): Outbox.fingerprint(of: "webhook", webhook.id, webhook.token, api)
        case .bot(let token, let channel): Outbox.fingerprint(of: "bot", token, channel, api)
        }
    }

    func url(_ path: String) throws(CurlError) -> HTTPURL { try HTTPURL(api + path) }
}

/// A webhook's address: whoever has it may write.
public struct DiscordWebhook: Sendable {
    let id: String
    let token: String

    /// - Parameter url: as Discord shows it, such as `https://discord.com/api/webhooks/ID/TOKEN`.
    /// - Throws: ``OutboxFault``.
    public init(url text: String) throws(OutboxFault) {
        let rule = "must be the address that Discord shows: https://discord.com/api/webhooks/ID/TOKEN"
        guard let url = try? HTTPURL(text), text.lowercased().hasPrefix("https:"),
            ["discord.com", "discordapp.com", "canary.discord.com", "ptb.discord.com"].contains(url.host.lowercased()),
            !url.hasQueryOrFragment
        else { throw OutboxFault(rule) }
        let parts = text.split(separator: "/").drop { $0 != "webhooks" }.dropFirst()
        guard parts.count == 2, let id = parts.first, let token = parts.last, isDiscordID(id),
            token.utf8.allSatisfy({ isTokenByte($0) })
        else { throw OutboxFault(rule) }
        (self.id, self.token) = (String(id), String(token))
    }
}

/// Whether it can be an id of Discord's: a number that grows with time.
public func isDiscordID(_ text: some StringProtocol) -> Bool {
    (1...20).contains(text.utf8.count) && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
}

/// Whether it can be a bot's token, which goes into a header.
public func isDiscordToken(_ text: some StringProtocol) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { isTokenByte($0) || $0 == UInt8(ascii: ".") }
}

private func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
        true
    default: false
    }
}
