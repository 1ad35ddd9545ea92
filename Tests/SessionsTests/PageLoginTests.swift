import Foundation
import Support
import Synchronization
import Testing

@testable import Sessions

/// What `parley check` asks a provider that the chat page is to log in with, over real HTTP.
@Suite(.timeLimit(.minutes(1))) final class PageLoginTests {
    private let server: ScriptedServer
    private let state = State()

    private final class State: Sendable {
        let asked = Mutex("")
        let document = Mutex("")
    }

    init() throws {
        server = try ScriptedServer { [state] connection, _ in
            while let request = connection.readRequest() {
                state.asked.withLock { $0 = request.line }
                try connection.answer(state.document.withLock { $0 })
            }
        }
    }

    /// - Returns: what is wrong with a provider that says this of itself, beside what a good one says.
    private func fault(
        _ changes: [String: Any] = [:], issuer path: String = "/realms/main", others: [String] = []
    ) async throws -> String? {
        let issuer = server.url + path
        let good: [String: Any] = [
            "issuer": issuer, "authorization_endpoint": server.url + "/login", "token_endpoint": server.url + "/token",
            "code_challenge_methods_supported": ["plain", "S256"],
        ]
        let data = try JSONSerialization.data(withJSONObject: good.merging(changes) { $1 })
        state.document.withLock { $0 = String(decoding: data, as: UTF8.self) }
        let login = try #require(PageLogin(issuer: issuer, others: others.compactMap(WebOrigin.init(of:))))
        return await login.fault()
    }

    @Test func aProviderThatPagesCanLogInWithIsWell() async throws {
        #expect(try await fault() == nil)
        #expect(state.asked.withLock { $0.hasPrefix("GET /realms/main/.well-known/openid-configuration ") })
        #expect(try await fault(issuer: "/") == nil)
        #expect(state.asked.withLock { $0.hasPrefix("GET /.well-known/openid-configuration ") })
        let elsewhere = ["token_endpoint": "https://tokens.example/token"]
        #expect(try await fault(elsewhere)?.contains("https://tokens.example, which CHAT_OIDC_ORIGINS") == true)
        #expect(try await fault(elsewhere, others: ["https://tokens.example"]) == nil)
    }

    @Test func whatIsWrongIsNamed() async throws {
        #expect(try await fault(["issuer": server.url])?.contains("not of \(server.url)/realms/main") == true)
        #expect(try await fault(["code_challenge_methods_supported": ["plain"]])?.contains("PKCE") == true)
        for address in ["http://id.example.com/token", "javascript:alert(1)", "/token", ""] {
            #expect(try await fault(["token_endpoint": address])?.contains("no token_endpoint") == true, "\(address)")
        }
        let away = try #require(PageLogin(issuer: "http://127.0.0.1:1/x"))
        #expect(await away.fault()?.hasPrefix("http://127.0.0.1:1/x/.well-known/openid-configuration: ") == true)
    }
}
