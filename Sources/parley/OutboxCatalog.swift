import Chat
import Outbox

/// The settings of telling others of exchanges.
extension Catalog {
    static let discordWebhook = Setting<DiscordWebhook>(
        "CHAT_DISCORD_WEBHOOK_URL", nil,
        "Webhook of a Discord forum or media channel that shows each session as a post.", isSecret: true
    ) { text throws(SettingFault) in
        do throws(OutboxFault) { return try DiscordWebhook(url: text) } catch { throw SettingFault(error.description) }
    }
    static let discordToken = Setting<String>(
        "CHAT_DISCORD_BOT_TOKEN", nil,
        "Token of a Discord bot that shows each session as a thread of CHAT_DISCORD_CHANNEL_ID.", isSecret: true
    ) { text throws(SettingFault) in
        guard isDiscordToken(text) else { throw SettingFault("must be a bot's token, without “Bot ” before it") }
        return text
    }
    static let discordChannel = Setting<String>("CHAT_DISCORD_CHANNEL_ID", nil, "Text channel that the bot writes to.")
    {
        text throws(SettingFault) in
        guard isDiscordID(text) else { throw SettingFault("must be a channel's id, a number; is “\(text)”") }
        return text
    }
    static let discordDetails = Setting.flag(
        "CHAT_DISCORD_DETAILS", false,
        "Whether email and network address of who logs in are shown in Discord; else a hash of the user alone.")
    static let discordAPI = Setting<OutboundURL>(
        "CHAT_DISCORD_API_URL", DiscordSettings.defaultAPI, "Where Discord's API is; another for tests.",
        parse: outbound)
    static let webhookURL = Setting<OutboundURL>(
        "CHAT_WEBHOOK_URL", nil, "Address that each exchange of a session is posted to: https, or this machine.",
        isSecret: true, parse: outbound)
    static let webhookSecret = Setting<WebhookSecret>(
        "CHAT_WEBHOOK_SECRET", nil, "Signs what is posted there: whsec_ and 24 to 64 bytes in base64.", isSecret: true
    ) { text throws(SettingFault) in
        do throws(OutboxFault) { return try WebhookSecret(text) } catch { throw SettingFault(error.description) }
    }

    private static let outbound: @Sendable (String) throws(SettingFault) -> OutboundURL = { text throws(SettingFault) in
        do throws(OutboxFault) { return try OutboundURL(text) } catch { throw SettingFault(error.description) }
    }
}

extension SettingSources {
    /// Which settings do not go together, a line each.
    func outboxFaults() -> [String] {
        var faults: [String] = []
        func isSet(_ setting: any AnySetting) -> Bool { find(setting) != nil }
        if isSet(Catalog.discordWebhook), isSet(Catalog.discordToken) || isSet(Catalog.discordChannel) {
            faults.append(
                "CHAT_DISCORD_WEBHOOK_URL and CHAT_DISCORD_BOT_TOKEN or CHAT_DISCORD_CHANNEL_ID are both set: keep the "
                    + "webhook for a forum or media channel, or bot and channel for a text channel")
        } else if isSet(Catalog.discordToken) != isSet(Catalog.discordChannel) {
            faults.append("CHAT_DISCORD_BOT_TOKEN and CHAT_DISCORD_CHANNEL_ID go together: only one of them is set")
        }
        if isSet(Catalog.webhookURL) != isSet(Catalog.webhookSecret) {
            faults.append("CHAT_WEBHOOK_URL and CHAT_WEBHOOK_SECRET go together: only one of them is set")
        }
        return faults
    }

    /// Who is to be told of exchanges.
    var outboxKinds: [OutboxKind] {
        var kinds: [OutboxKind] = []
        if find(Catalog.discordWebhook) != nil || find(Catalog.discordToken) != nil { kinds.append(.discord) }
        if find(Catalog.webhookURL) != nil { kinds.append(.webhook) }
        return kinds
    }

    /// Whether who logs in is kept in clear until Discord has it.
    func keepsContacts() throws(SettingFault) -> Bool {
        let isShown = try required(Catalog.discordDetails)
        return isShown && outboxKinds.contains(.discord)
    }

    /// - Returns: nil where Discord is not told.
    func discord() throws(SettingFault) -> Discord? {
        let writer: DiscordSettings.Writer
        if let webhook = try optional(Catalog.discordWebhook) {
            writer = .webhook(webhook)
        } else if let token = try optional(Catalog.discordToken) {
            writer = .bot(token: token, channel: try required(Catalog.discordChannel))
        } else {
            return nil
        }
        let (api, showsDetails) = (try required(Catalog.discordAPI), try required(Catalog.discordDetails))
        let names = try optional(Catalog.serverName) ?? []
        let site = "https://" + (names.first ?? "localhost")
        do throws(OutboxFault) {
            return Discord(
                try DiscordSettings(
                    writer, api: api, showsDetails: showsDetails, site: site, version: Version.text))
        } catch { throw SettingFault("CHAT_DISCORD_API_URL \(error)") }
    }

    func deliveries() throws(SettingFault) -> [any Delivery] {
        var deliveries: [any Delivery] = []
        if let discord = try discord() { deliveries.append(discord) }
        if let address = try optional(Catalog.webhookURL) {
            deliveries.append(Webhook(address, try required(Catalog.webhookSecret), version: Version.text))
        }
        return deliveries
    }
}
