import Foundation
import Synchronization

/// Discord's place, on a real socket: webhooks of a forum channel and a bot in a text channel, with its limits, its checks
/// of what it is sent, and faults at random that are the same each time.
final class ScriptedDiscord: Sendable {
    /// What happens to a request beside what its contents deserve.
    enum Fault: Sendable, Equatable {
        case none
        /// Too many requests, with so many seconds to wait; of all of Discord, or of one bucket.
        case limited(Double, isGlobal: Bool = false)
        case status(Int, code: Int = 0)
        /// The connection is reset before anything is done, or after.
        case reset(isDone: Bool)
        /// The sender is killed before anything is done, or after.
        case kill(isDone: Bool)
    }

    struct Message: Sendable {
        /// Empty for one in the bot's channel itself.
        let thread: String
        /// Of the exchange that it tells of; nil for one that only begins a thread.
        let exchange: String?
        let descriptions: [String]
    }

    struct State {
        var messages: [Message] = []
        var threads: Set<String> = []
        var nonces: [String: String] = [:]
        var nextID = 1_000
        var requests = 0
        /// Exchanges whose sender may not know that they have arrived, by how often.
        var excused: [String: Int] = [:]
        /// What no well-behaved sender does.
        var wrongs: [String] = []
        var counts: [String: Int] = [:]
        /// Of each bucket: how many requests it still takes, and until when.
        var buckets: [String: (left: Int, end: ContinuousClock.Instant)] = [:]
        var underWay = 0
        var paths: [String] = []
    }

    private static let (perWindow, window) = (5, 0.02)

    private let state = Mutex(State())
    private let socket = Mutex<ProviderSocket?>(nil)
    private let fault: @Sendable (_ number: Int, _ path: String) -> Fault
    private let kill: @Sendable () -> Void

    /// - Parameters:
    ///   - kill: kills the sender.
    ///   - fault: of each request, counted from 1.
    init(
        kill: @escaping @Sendable () -> Void = {},
        fault: @escaping @Sendable (_ number: Int, _ path: String) -> Fault
    ) throws {
        (self.fault, self.kill) = (fault, kill)
        let socket = try ProviderSocket { [weak self] connection in
            while let request = connection.request(), let self, self.answer(request, connection) {}
        }
        self.socket.withLock { $0 = socket }
    }

    var now: State { state.withLock { $0 } }
    func forget(thread: String) { state.withLock { _ = $0.threads.remove(thread) } }

    var url: String { "http://127.0.0.1:\(socket.withLock { $0?.port ?? 0 })/api/v10" }
    var asForum: [String: String] {
        [
            "CHAT_DISCORD_WEBHOOK_URL": "https://discord.com/api/webhooks/77/hook-token", "CHAT_DISCORD_API_URL": url,
        ]
    }
    var asText: [String: String] {
        ["CHAT_DISCORD_BOT_TOKEN": "bot.token", "CHAT_DISCORD_CHANNEL_ID": "55", "CHAT_DISCORD_API_URL": url]
    }

    /// - Returns: whether the connection goes on.
    private func answer(_ request: ProviderConnection.Request, _ connection: ProviderConnection) -> Bool {
        let body = (try? JSONSerialization.jsonObject(with: request.body)) as? [String: Any] ?? [:]
        let number = state.withLock { state in
            state.requests += 1
            state.underWay += 1
            state.paths.append(request.path)
            if state.underWay > 1 { state.wrongs.append("two requests at once") }
            return state.requests
        }
        let fault = fault(number, request.path)
        defer { state.withLock { $0.underWay -= 1 } }
        state.withLock { $0.counts["\(fault)".prefix { $0 != "(" }.description, default: 0] += 1 }
        switch fault {
        case .none: return connection.send(reply(request, body))
        case .limited(let seconds, let isGlobal):
            let scope = isGlobal ? "X-RateLimit-Global: true\r\n" : "X-RateLimit-Remaining: 3\r\n"
            return connection.send(
                Self.text(
                    429, #"{"message":"limited","retry_after":\#(seconds),"global":\#(isGlobal)}"#,
                    scope + "Retry-After: 1\r\n"))
        case .status(let status, let code):
            return connection.send(Self.text(status, #"{"message":"scripted","code":\#(code)}"#))
        case .reset(let isDone):
            if isDone {
                _ = reply(request, body)
                excuse(body)
            }
            connection.resetOnClose()
            return false
        case .kill(let isDone):
            if isDone { _ = reply(request, body) }
            excuse(body)
            kill()
            return false
        }
    }

    private func excuse(_ body: [String: Any]) {
        guard let exchange = Self.exchange(of: body) else { return }
        state.withLock { $0.excused[exchange, default: 0] += 1 }
    }

    private static func exchange(of body: [String: Any]) -> String? {
        let footers = (body["embeds"] as? [[String: Any]] ?? []).compactMap { $0["footer"] as? [String: String] }
        return footers.compactMap { $0["text"]?.split(separator: " ").first }.map(String.init).first {
            $0.hasPrefix("msg_")
        }
    }

    private func reply(_ request: ProviderConnection.Request, _ body: [String: Any]) -> String {
        let parts = request.path.split { "/?&".contains($0) }.map(String.init)
        guard request.head.hasPrefix("POST "), request.path.hasPrefix("/api/v10/") else {
            return request.head.hasPrefix("GET ") ? Self.text(200, #"{"id":"77"}"#) : Self.text(405, "{}")
        }
        return state.withLock { state in
            for fault in Self.faults(of: body, request.head) where !parts.contains("threads") {
                state.wrongs.append(fault)
                return Self.text(400, #"{"code":50035,"message":"\#(fault)"}"#)
            }
            let bucket = parts[2] == "webhooks" ? "webhook" : parts.dropFirst(2).joined(separator: "/")
            guard state.take(bucket, Self.perWindow, Self.window) else {
                state.wrongs.append("more than \(bucket) was said to take")
                return Self.text(429, #"{"message":"limited","retry_after":0.02,"global":false}"#)
            }
            let left = "X-RateLimit-Limit: 5\r\nX-RateLimit-Remaining: \(state.buckets[bucket]?.left ?? 0)\r\n"
            let headers = left + "X-RateLimit-Reset-After: \(Self.window)\r\nX-RateLimit-Bucket: \(bucket.count)\r\n"
            let (status, text) =
                parts[2] == "webhooks"
                ? state.post(toForum: parts, body, Self.exchange(of: body), request.head)
                : state.post(toText: parts, body, Self.exchange(of: body), request.head)
            return Self.text(status, text, headers)
        }
    }

    /// What Discord, or the rules of its API, would have against a message.
    private static func faults(of body: [String: Any], _ head: String) -> [String] {
        var faults: [String] = []
        if (body["allowed_mentions"] as? [String: [String]]) != ["parse": []] { faults.append("mentions are active") }
        if body["content"] != nil { faults.append("text outside an embed") }
        if !head.contains("User-Agent: DiscordBot (https://") { faults.append("no such user agent") }
        let embeds = body["embeds"] as? [[String: Any]] ?? []
        if embeds.isEmpty || embeds.count > 10 { faults.append("\(embeds.count) embeds") }
        var total = 0
        for embed in embeds {
            let (title, description) = (embed["title"] as? String ?? "", embed["description"] as? String)
            let footer = (embed["footer"] as? [String: String])?["text"] ?? ""
            if description.map({ $0.isEmpty || $0.utf16.count > 4_096 }) == true { faults.append("a description") }
            if title.utf16.count > 256 || footer.utf16.count > 2_048 { faults.append("a title or a footer") }
            total += title.utf16.count + footer.utf16.count + (description ?? "").utf16.count
        }
        if total > 6_000 { faults.append("\(total) in all embeds") }
        if let name = body["thread_name"] as? String, !(1...100).contains(name.count) { faults.append("a name") }
        return faults
    }

    private static func text(_ status: Int, _ body: String, _ headers: String = "") -> String {
        "HTTP/1.1 \(status) Scripted\r\nContent-Type: application/json\r\n\(headers)Content-Length: \(body.utf8.count)\r\n\r\n"
            + body
    }
}

extension ScriptedDiscord.State {
    fileprivate mutating func take(_ bucket: String, _ count: Int, _ window: Double) -> Bool {
        let now = ContinuousClock.now
        if buckets[bucket].map({ $0.end <= now }) ?? true { buckets[bucket] = (count, now + .seconds(window)) }
        guard let left = buckets[bucket]?.left, left > 0 else { return false }
        buckets[bucket]?.left = left - 1
        return true
    }

    private mutating func id() -> String {
        nextID += 1
        return String(nextID)
    }

    private mutating func add(_ body: [String: Any], _ exchange: String?, to thread: String) {
        let embeds = body["embeds"] as? [[String: Any]] ?? []
        messages.append(
            .init(thread: thread, exchange: exchange, descriptions: embeds.map { $0["description"] as? String ?? "" }))
    }

    /// POST /webhooks/ID/TOKEN
    fileprivate mutating func post(
        toForum parts: [String], _ body: [String: Any], _ exchange: String?, _ head: String
    ) -> (Int, String) {
        guard parts.count > 4, parts[3] == "77", parts[4] == "hook-token" else { return (404, #"{"code":10015}"#) }
        guard parts.contains("wait=true") else { return (204, "") }
        let named = parts.first { $0.hasPrefix("thread_id=") }?.dropFirst("thread_id=".count)
        guard (named == nil) == (body["thread_name"] != nil) else { return (400, #"{"code":220001}"#) }
        let thread = named.map(String.init) ?? id()
        if named == nil { threads.insert(thread) }
        guard threads.contains(thread) else { return (404, #"{"code":10003,"message":"Unknown Channel"}"#) }
        add(body, exchange, to: thread)
        return (200, #"{"id":"\#(id())","channel_id":"\#(thread)"}"#)
    }

    /// POST /channels/CHANNEL/messages and …/messages/MESSAGE/threads
    fileprivate mutating func post(
        toText parts: [String], _ body: [String: Any], _ exchange: String?, _ head: String
    ) -> (Int, String) {
        guard head.contains("Authorization: Bot bot.token") else { return (401, #"{"code":0,"message":"401"}"#) }
        if parts.last == "threads" {
            let message = parts[5]
            guard threads.insert(message).inserted else { return (400, #"{"code":160004}"#) }
            return (201, #"{"id":"\#(message)"}"#)
        }
        guard parts[3] == "55" || threads.contains(parts[3]) else { return (404, #"{"code":10003}"#) }
        let nonce = parts[3] + (body["nonce"] as? String ?? "none")
        if body["enforce_nonce"] as? Bool == true, let known = nonces[nonce] { return (200, #"{"id":"\#(known)"}"#) }
        let number = id()
        nonces[nonce] = number
        add(body, exchange, to: parts[3] == "55" ? "" : parts[3])
        return (200, #"{"id":"\#(number)"}"#)
    }
}
