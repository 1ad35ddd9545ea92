import Chat
import FoundationEssentials
import StrictJSON

/// A part of a message with a frame of its own. What a user or a model wrote stands in a description, where Discord notifies
/// nobody whom it mentions.
struct DiscordEmbed {
    /// Of Discord's, in UTF-16 code units.
    static let longestDescription = 4_096
    /// Of all embeds of a message together.
    static let longestMessage = 6_000

    var title: String
    var description = ""
    var color: Int
    var footer = ""
    var time: Date

    /// All that counts of it but its description.
    fileprivate var frame: Int { title.utf16.count + footer.utf16.count }
}

extension String {
    /// As much of it as has so many UTF-16 code units, up to the end of a character, and then "…" if that is not all.
    func cut(toUTF16 limit: Int) -> String {
        guard utf16.count > limit else { return self }
        guard limit > 0 else { return "" }
        var (end, count) = (startIndex, 0)
        while end < endIndex {
            let size = self[end].utf16.count
            guard count + size <= limit - 1 else { break }
            count += size
            end = index(after: end)
        }
        return self[..<end] + "…"
    }

    /// In a frame of code, where nothing is a link or a mention.
    fileprivate var asCode: String { "`" + replacing("`", with: "'") + "`" }
}

/// What is written into a session's thread.
struct DiscordText {
    private let message: OutboxMessage
    private let showsDetails: Bool

    init(_ message: OutboxMessage, showsDetails: Bool) { (self.message, self.showsDetails) = (message, showsDetails) }

    var threadName: String { "Session \(message.session.rawValue.prefix(8))" }

    /// What a thread begins with.
    var session: DiscordEmbed {
        var lines = [
            "Session \(String(message.session.rawValue.prefix(16)).asCode)", "User \(message.user.rawValue.asCode)",
        ]
        if showsDetails, let contact = message.contact {
            lines += ["Email \(contact.email.asCode)", "Address \(contact.address.asCode)"]
        }
        return DiscordEmbed(
            title: "🚀 New chat session", description: lines.joined(separator: "\n"), color: 0x3366FF,
            time: message.began)
    }

    /// The question and the answer, both cut to what there is room for.
    ///
    /// - Parameter others: embeds of the same message.
    func exchange(beside others: [DiscordEmbed] = []) -> [DiscordEmbed] {
        let (exchange, answer) = (message.exchange, message.exchange.answer)
        var question = DiscordEmbed(title: "👤 User message", color: 0x00FF00, time: exchange.created)
        if let danger = exchange.dangerCategory { question.footer = "flagged: \(danger)" }
        var notes = [exchange.id.text]
        if answer.isBlocked { notes.append("blocked") }
        if let model = answer.model { notes.append(model) }
        if answer.isCached { notes.append(answer.isStale ? "from the cache, expired" : "from the cache") }
        if answer.finishReason == .length { notes.append("cut by length") }
        var reply = DiscordEmbed(
            title: "🤖 Assistant response", color: 0xFF9900, footer: notes.joined(separator: " · ").cut(toUTF16: 200),
            time: exchange.created)
        let taken = others.reduce(question.frame + reply.frame) { $0 + $1.frame + $1.description.utf16.count }
        let room = DiscordEmbed.longestMessage - taken
        let lengths = (exchange.question.utf16.count, answer.storedText.utf16.count)
        let longest = DiscordEmbed.longestDescription
        // What one of them does not need is the other's.
        let first = min(lengths.0, longest, max(room / 2, room - min(lengths.1, longest)))
        question.description = exchange.question.cut(toUTF16: first)
        reply.description = answer.storedText.cut(toUTF16: min(longest, room - first))
        return [question, reply]
    }
}

/// A message's body.
enum DiscordBody {
    /// - Parameters:
    ///   - nonce: by which Discord knows a message of a bot that it has already (25 characters at most).
    ///   - threadName: of the thread that it begins.
    static func message(_ embeds: [DiscordEmbed], nonce: String? = nil, threadName: String? = nil) -> [UInt8] {
        JSONWriter.object(capacity: 2_048, escapes: .plain) { json in
            json.object("allowed_mentions") { json in json.array("parse") { _ in } }
            if let threadName { json.member("thread_name", threadName) }
            if let nonce {
                json.member("nonce", nonce)
                json.member("enforce_nonce", true)
            }
            json.array("embeds") { list in
                for embed in embeds { list.object { write(embed, to: &$0) } }
            }
        }
    }

    static func thread(_ name: String) -> [UInt8] {
        JSONWriter.object(escapes: .plain) { json in
            json.object("allowed_mentions") { json in json.array("parse") { _ in } }
            json.member("name", name)
            json.member("auto_archive_duration", 1_440)
        }
    }

    private static func write(_ embed: DiscordEmbed, to json: inout JSONWriter.Members) {
        json.member("title", embed.title)
        // Discord takes no text of white space alone.
        if embed.description.contains(where: { !$0.isWhitespace }) { json.member("description", embed.description) }
        json.member("color", embed.color)
        json.member("timestamp", timestamp(embed.time))
        if !embed.footer.isEmpty { json.object("footer") { $0.member("text", embed.footer) } }
    }
}

/// RFC 3339, in UTC.
func timestamp(_ time: Date) -> String {
    // Half a millisecond makes up for what a whole one loses as a fraction of seconds.
    Date.ISO8601FormatStyle(includingFractionalSeconds: true).format(time + 0.000_5)
}
