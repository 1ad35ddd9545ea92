import Crypto
import FlyingFox
import FlyingSocks
import Foundation
import Testing

/// People who log in with an identity provider, against a running pool that fetches its keys over HTTP.
@Suite(.timeLimit(.minutes(2))) struct ExternalLoginTests {
    private let key = Curve25519.Signing.PrivateKey()

    private func text(_ data: Data) -> String {
        data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    private func token(_ claims: [String: Any]) throws -> String {
        let good: [String: Any] = [
            "iss": "https://id.example.com", "aud": "parley", "sub": "ann",
            "exp": Int(Date().timeIntervalSince1970) + 600,
        ]
        let signed =
            text(Data(#"{"alg":"EdDSA","kid":"one"}"#.utf8)) + "."
            + text(try JSONSerialization.data(withJSONObject: good.merging(claims) { $1 }))
        return signed + "." + text(try key.signature(for: Data(signed.utf8)))
    }

    @Test func aTokenOfTheProviderIsASessionUntilItIsEnded() async throws {
        let keys =
            #"{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"one","x":"\#(text(key.publicKey.rawRepresentation))"}]}"#
        let server = HTTPServer(address: try .inet(ip4: "127.0.0.1", port: 0))
        await server.appendRoute("*") { _ in HTTPResponse(statusCode: .ok, body: Data(keys.utf8)) }
        let serving = Task { try await server.run() }
        defer { serving.cancel() }
        try await server.waitUntilListening()
        guard case .ip4(_, let port)? = await server.listeningAddress else { throw URLError(.cannotConnectToHost) }

        let folder = try Deployment.newFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let run = try await Deployment([
            "CHAT_AUDIT_LOG": folder + "/audit.jsonl",
            "CHAT_AUTH_MODE": "external", "CHAT_JWKS_URL": "http://127.0.0.1:\(port)/keys",
            "CHAT_JWT_ISSUER": "https://id.example.com", "CHAT_JWT_AUDIENCE": "parley", "CHAT_MESSAGE_LIMIT": "2",
        ])
        let refused = try await run.post("/auth/email", ["email": "ann@example.com"])
        #expect(refused.status == 403 && refused.body.contains("identity provider"), "\(refused)")

        let token = try token(["jti": "1"])
        for reply in try await run.everyWorker({ try await run.get("/auth/session", token: token) }) {
            #expect(reply.status == 200 && reply.number("message_limit") == 2, "\(reply)")
        }
        let first = try await run.post("/chat", token: token, ["content": "hello"])
        #expect(first.status == 200, "\(first)")
        #expect(try await run.get("/chat/history", token: token).number("count") == 1)
        #expect(try await run.post("/chat", token: token, ["content": "again"]).status == 200)
        #expect(try await run.post("/chat", token: token, ["content": "once more"]).status == 429)

        let shown = try await run.get("/auth/session", token: token)
        #expect(shown.flag("proved") == true, "\(shown)")
        // What one of a user's sessions has asked, the others show.
        let other = try self.token(["jti": "other"])
        let list = try await run.get("/chat/conversations", token: other)
        #expect(list.status == 200 && list.body.contains("hello"), "\(list)")
        #expect(try await run.post("/auth/logout", token: token, [:]).status == 200)
        for reply in try await run.everyWorker({ try await run.get("/auth/session", token: token) }) {
            #expect(reply.status == 401, "\(reply)")
        }
        let next = try await run.get("/auth/session", token: try self.token(["jti": "2"]))
        #expect(next.status == 200 && next.text("user_id") == shown.text("user_id"), "a new login")
        for forged in [try self.token(["aud": "other"]), token.dropLast(4) + "AAAA"] {
            #expect(try await run.get("/auth/session", token: String(forged)).status == 401)
        }
        #expect(!run.log.contains(token) && run.log.contains("identity provider's keys are new"))
        let programs = try await run.key("--name", "ci")
        #expect(try await run.post("/chat", token: programs, ["content": "q"]).status == 200, "API keys go on")

        // Each session is a login once, whichever workers have seen its token.
        let audit = try String(contentsOfFile: folder + "/audit.jsonl", encoding: .utf8)
        let logins = audit.split(separator: "\n").filter { $0.contains(#""action":"login""#) }
        #expect(logins.count == 3, "\(audit)")
        #expect(logins[0].contains(try #require(shown.text("session_id"))), "\(audit)")
    }
}
