public import Chat
import Crypto
import Curl
import FoundationEssentials
import StrictJSON

/// Posts each exchange to an address of the operator's, signed as Standard Webhooks have it: `webhook-id`, the same in
/// each attempt, `webhook-timestamp`, and `webhook-signature` over both and the body.
///
/// 2xx means that it was taken, 410 that nothing more is wanted, and 400, 413, 415 and 422 that this one is not; whatever
/// else is tried again.
public struct Webhook: Delivery {
    private let address: OutboundURL
    private let secret: WebhookSecret
    private let poster: Poster

    public init(_ address: OutboundURL, _ secret: WebhookSecret, version: String) {
        (self.address, self.secret) = (address, secret)
        poster = Poster(userAgent: "parley/\(version)")
    }

    public var kind: OutboxKind { .webhook }
    public var settings: UInt64 { fingerprint(of: address.text, secret.text) }

    public func deliver(_ message: OutboxMessage, _ threads: any ThreadKeeper) async -> DeliveryOutcome {
        let (id, time, body) = (message.exchange.id.text, Int(Date().timeIntervalSince1970), Self.body(message))
        let headers = [
            ("webhook-id", id), ("webhook-timestamp", "\(time)"),
            ("webhook-signature", secret.signature(of: body, id: id, time: time)),
        ]
        let reply: PostReply
        do throws(CurlError) {
            reply = try await poster.post(body, to: address.url, headers: headers)
        } catch { return .failed(error.detail) }
        switch reply.status {
        case 200..<300: return .delivered
        case 410: return .stopped("CHAT_WEBHOOK_URL wants no more (410)")
        case 400, 413, 415, 422: return .refused("CHAT_WEBHOOK_URL answers \(reply.status)")
        default: return .failed("CHAT_WEBHOOK_URL answers \(reply.status)", after: reply.retryAfter)
        }
    }

    static func body(_ message: OutboxMessage) -> [UInt8] {
        let (exchange, answer) = (message.exchange, message.exchange.answer)
        return JSONWriter.object(capacity: 1_024, escapes: .plain) { json in
            json.member("type", "exchange.completed")
            json.member("timestamp", timestamp(exchange.created))
            json.object("data") { json in
                json.member("id", exchange.id.text)
                json.member("conversation_id", exchange.conversation.text)
                json.member("parent", exchange.parent?.text)
                json.member("user_id", message.user.rawValue)
                json.member("question", exchange.question)
                json.member("answer", answer.storedText)
                json.member("model", answer.model)
                json.member("provider", answer.provider)
                json.member("cached", answer.isCached)
                json.member("stale", answer.isStale)
                json.member("blocked", answer.isBlocked)
                json.member("danger", exchange.dangerCategory)
                json.member("finish_reason", answer.finishReason.rawValue)
                json.object("usage") { json in
                    json.member("prompt_tokens", answer.usage.prompt)
                    json.member("completion_tokens", answer.usage.completion)
                    json.member("total_tokens", answer.usage.total)
                }
            }
        }
    }
}

/// Signs what is posted. It does not print itself.
public struct WebhookSecret: Sendable, CustomStringConvertible, CustomReflectable {
    private static let prefix = "whsec_"
    private static let sizes = 24...64

    let text: String
    private let key: SymmetricKey

    /// - Parameter text: `whsec_` and base64 of 24 to 64 bytes.
    /// - Throws: ``OutboxFault``.
    public init(_ text: String) throws(OutboxFault) {
        guard text.hasPrefix(Self.prefix), let bytes = Data(base64Encoded: String(text.dropFirst(Self.prefix.count))),
            Self.sizes.contains(bytes.count)
        else { throw OutboxFault("must be whsec_ and 24 to 64 bytes in base64: echo whsec_$(openssl rand -base64 32)") }
        self.text = text
        key = SymmetricKey(data: bytes)
    }

    /// - Parameter time: seconds since 1970.
    func signature(of body: [UInt8], id: String, time: Int) -> String {
        let code = HMAC<SHA256>.authenticationCode(for: Array("\(id).\(time).".utf8) + body, using: key)
        return "v1," + Data(code).base64EncodedString()
    }

    public var description: String { "(secret)" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}
