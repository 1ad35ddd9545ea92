import Chat
import Crypto
import FoundationEssentials
import Sanitizing
import StrictJSON

@testable import API
@testable import FastCGI
@testable import Sessions

private let smart = MessageSanitizer(mode: .smart)
private let strict = MessageSanitizer(mode: .strict)
private let off = MessageSanitizer(mode: .off)
private let key = SymmetricKey(data: [UInt8](repeating: 7, count: 32))
private let keys = TokenKeys(try! TokenSecret(String(repeating: "\u{7}", count: 32)))
private let who = Principal(
    session: SessionID(String(repeating: "s", count: 32))!, user: UserID("user_" + String(repeating: "a", count: 32))!)

@Sendable func fuzzMarkup(_ bytes: [UInt8]) { fuzz(bytes, smart) }
@Sendable func fuzzStrict(_ bytes: [UInt8]) { fuzz(bytes, strict) }
@Sendable func fuzzDanger(_ bytes: [UInt8]) { fuzz(bytes, off) }

/// What is left has no control characters.
private func fuzz(_ bytes: [UInt8], _ sanitizer: MessageSanitizer) {
    let review = sanitizer.review(String(decoding: bytes, as: UTF8.self))
    precondition(!review.text.unicodeScalars.contains { $0 != "\r" && Prompt.isForbidden($0) }, "a control character")
}

/// The header's JSON and the claims', zero between them, correctly signed; and the bytes as they are, as a token.
@Sendable func fuzzToken(_ bytes: [UInt8]) {
    let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false).map { Array($0) }
    let signed = parts.map { Base64URL.text($0) }.joined(separator: ".")
    let code = Array(HMAC<SHA256>.authenticationCode(for: Array(signed.utf8), using: key))
    for text in [signed + "." + Base64URL.text(code), String(decoding: bytes, as: UTF8.self)] {
        guard let token = try? SignedToken(verifying: text, with: keys) else { continue }
        precondition(parts.count == 2 && (try? JSON(parsing: parts[0])) != nil, "a header that is no JSON")
        _ = try? SessionClaims(token.claims, at: Date())
    }
    _ = APIKeyToken(String(decoding: bytes, as: UTF8.self))
}

@Sendable func fuzzCompletion(_ bytes: [UInt8]) { _ = try? CompletionDialect(request(bytes), from: who) }
@Sendable func fuzzChat(_ bytes: [UInt8]) { _ = try? ChatDialect(request(bytes), from: who) }

private func request(_ body: [UInt8]) -> Request {
    Request(parameters: [("CONTENT_TYPE", "application/json")], body: .complete(body))
}
