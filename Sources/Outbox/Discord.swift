public import Chat
import Curl
import StrictJSON

/// Shows each session as a thread of a Discord channel: the first exchange makes it, and the following ones are written
/// into it, each as one message of two embeds.
///
///     webhook: POST /webhooks/ID/TOKEN with thread_name, then with ?thread_id=
///     bot:     POST /channels/CHANNEL/messages, …/messages/MESSAGE/threads, then /channels/THREAD/messages
///
/// One request at a time. What Discord says of its limits is kept to: a bucket that is used up rests before it refuses.
/// Nothing that a user wrote mentions anybody (`allowed_mentions`).
public struct Discord: Delivery {
    /// GUILD_TEXT and GUILD_ANNOUNCEMENT.
    private static let textChannels: Set<Int64> = [0, 5]

    private let place: DiscordSettings
    private let poster: Poster
    private let limits = DiscordLimits()

    public init(_ settings: DiscordSettings) {
        place = settings
        poster = Poster(userAgent: settings.userAgent)
    }

    public var kind: OutboxKind { .discord }
    public var settings: UInt64 { place.fingerprint }

    public func deliver(_ message: OutboxMessage, _ threads: any ThreadKeeper) async -> DeliveryOutcome {
        let text = DiscordText(message, showsDetails: place.showsDetails)
        // A thread of a former channel is none of this one's.
        var thread = message.thread.flatMap { $0.channel == place.channel ? $0 : nil }
        do throws(DiscordRefusal) {
            for _ in 0..<2 {
                do throws(DiscordRefusal) {
                    switch place.writer {
                    case .webhook(let webhook): try await write(text, by: webhook, in: thread, threads)
                    case .bot: try await write(message, text, in: &thread, threads)
                    }
                    return .delivered
                } catch {
                    guard case .threadGone = error, thread != nil else { throw error }
                    await threads.keep(nil)
                    thread = nil
                }
            }
            return .failed("its threads are gone as soon as they are made")
        } catch {
            switch error {
            case .outcome(let outcome): return outcome
            case .threadGone: return .failed("a thread was gone as soon as it was made")
            }
        }
    }

    private func write(
        _ text: DiscordText, by webhook: DiscordWebhook, in thread: OutboxThread?, _ threads: any ThreadKeeper
    ) async throws(DiscordRefusal) {
        let path = "/webhooks/\(webhook.id)/\(webhook.token)?wait=true"
        if let thread {
            let body = DiscordBody.message(text.exchange())
            _ = try await post(body, path + "&thread_id=\(thread.id)", .webhook, isInThread: true)
            return
        }
        let session = text.session
        let body = DiscordBody.message([session] + text.exchange(beside: [session]), threadName: text.threadName)
        let made = try await post(body, path, .webhook, makesThread: true)
        // The message is there; without its thread's name the next one begins another.
        guard let id = made.json["channel_id"]?.string, isDiscordID(id) else { return }
        await threads.keep(OutboxThread(channel: webhook.id, id: id, isBegun: true))
    }

    private func write(
        _ message: OutboxMessage, _ text: DiscordText, in thread: inout OutboxThread?, _ threads: any ThreadKeeper
    ) async throws(DiscordRefusal) {
        let channel = place.channel
        if thread == nil {
            let nonce = "new_" + message.exchange.id.text.dropFirst(4)
            let made = try await post(
                DiscordBody.message([text.session], nonce: nonce), "/channels/\(channel)/messages", .messages(channel))
            guard let id = made.json["id"]?.string, isDiscordID(id) else {
                throw .outcome(.failed("Discord's reply does not name the message that it took"))
            }
            let begun = OutboxThread(channel: channel, id: id, isBegun: false)
            await threads.keep(begun)
            thread = begun
        }
        guard let id = thread?.id else { return }
        if thread?.isBegun == false {
            // A thread has the id of the message that it is made from.
            _ = try await post(
                DiscordBody.thread(text.threadName), "/channels/\(channel)/messages/\(id)/threads", .threads)
            let begun = OutboxThread(channel: channel, id: id, isBegun: true)
            await threads.keep(begun)
            thread = begun
        }
        _ = try await post(
            DiscordBody.message(text.exchange(), nonce: message.exchange.id.text), "/channels/\(id)/messages",
            .messages(id), isInThread: true)
    }

    /// Returning means that Discord has it.
    private func post(
        _ body: [UInt8], _ path: String, _ bucket: DiscordLimits.Bucket, isInThread: Bool = false,
        makesThread: Bool = false
    ) async throws(DiscordRefusal) -> PostReply {
        let rest = limits.rest(bucket, at: .now) ?? (makesThread ? limits.rest(.threads, at: .now) : nil)
        if let rest { throw .outcome(.limited(rest.time, all: rest.isOfAll)) }
        let reply: PostReply
        do throws(CurlError) {
            reply = try await poster.post(body, to: try place.url(path), headers: place.headers)
        } catch { throw .outcome(.failed(error.detail)) }
        limits.note(reply, in: bucket, at: .now)
        if (200..<300).contains(reply.status) {
            guard reply.json["id"]?.string != nil else {
                throw .outcome(.failed("what answers \(reply.status) there is not Discord"))
            }
            return reply
        }
        let answer = DiscordAnswer(reply, isInThread: isInThread)
        if answer.isDone { return reply }
        if reply.status == 429 {
            guard let refused = limits.refuse(reply, in: bucket, makesThread: makesThread, at: .now) else {
                throw .outcome(.failed("too many requests (429), and no word when to come again"))
            }
            throw .outcome(.limited(refused.time, all: refused.isOfAll))
        }
        throw answer.refusal
    }

    /// Asks for the webhook, or for the bot's channel.
    ///
    /// - Returns: why nothing can be shown; nil when it can, as far as that can be told without a message.
    public func fault() async -> String? {
        let path =
            switch place.writer {
            case .webhook(let webhook): "/webhooks/\(webhook.id)/\(webhook.token)"
            case .bot(_, let channel): "/channels/\(channel)"
            }
        do throws(CurlError) {
            let reply = try await poster.get(try place.url(path), headers: place.headers)
            guard reply.status == 200 else { return DiscordAnswer(reply, isInThread: false).words }
            if case .bot = place.writer, let type = reply.json["type"]?.int, !Self.textChannels.contains(type) {
                return "CHAT_DISCORD_CHANNEL_ID is no text channel"
            }
            return nil
        } catch { return error.detail }
    }
}

/// Why a message is not written, or not there.
enum DiscordRefusal: Error {
    case outcome(DeliveryOutcome)
    /// The session's thread, or the message that it was to be made from.
    case threadGone
}

/// What a status that is no success means.
struct DiscordAnswer {
    private let status: Int
    private let code: Int64?
    private let said: String
    private let retryAfter: Duration?
    private let isInThread: Bool

    init(_ reply: PostReply, isInThread: Bool) {
        let json = reply.json
        (status, code, said) = (reply.status, json["code"]?.int, json["message"]?.string ?? "")
        (retryAfter, self.isInThread) = (reply.retryAfter, isInThread)
    }

    /// The thread is there already.
    var isDone: Bool { code == 160_004 }

    var words: String {
        "Discord's answer is \(status)" + (code.map { ", code \($0)" } ?? "")
            + (said.isEmpty ? "" : ": " + said.cut(toUTF16: 200))
    }

    var refusal: DiscordRefusal {
        switch code {
        // The message that a thread was to be made from.
        case 10_008: return .threadGone
        // An unknown channel, an archived thread, a locked one.
        case 10_003, 50_083, 160_005:
            if isInThread { return .threadGone }
        // A webhook of a channel that has no posts.
        case 220_003:
            return .outcome(
                .stopped("the webhook is of no forum or media channel: make it in one, or use a bot for a text channel")
            )
        // A forum that wants a tag; a bot's channel that takes no messages, or none of a bot.
        case 40_067, 50_008, 50_024: return .outcome(.stopped(words))
        // Not of this form, refused for its contents.
        case 50_035, 50_006, 20_009, 200_000, 200_001, 240_000: return .outcome(.refused(words))
        default: break
        }
        switch status {
        case 401, 403: return .outcome(.stopped(words))
        case 404 where code == 10_015 || code == 10_003: return .outcome(.stopped(words))
        case 413: return .outcome(.refused(words))
        default: return .outcome(.failed(words, after: retryAfter))
        }
    }
}
