import Chat
import Foundation
import Testing

@testable import Sessions

@Suite(.timeLimit(.minutes(1))) struct VerifiedTokensTests {
    private let claims = SessionClaims(
        Session(
            id: SessionID(String(repeating: "A", count: SessionID.length))!,
            user: UserID("user_" + String(repeating: "0", count: 32))!,
            created: Date(), expires: Date() + 60, messagesUsed: 0))

    @Test func forgetsTheUnusedFirst() {
        let tokens = VerifiedTokens<SessionClaims>()
        tokens.remember("used", claims)
        tokens.remember("unused", claims)
        for number in 0..<3 * VerifiedTokens<SessionClaims>.capacity {
            tokens.remember("token \(number)", claims)
            if number % 1_000 == 0 { #expect(tokens.claims(of: "used") != nil, "after \(number) others") }
        }
        #expect(tokens.claims(of: "unused") == nil)
        let kept = (0..<3 * VerifiedTokens<SessionClaims>.capacity).filter { tokens.claims(of: "token \($0)") != nil }
        #expect((1...2 * VerifiedTokens<SessionClaims>.capacity).contains(kept.count))
    }
}
