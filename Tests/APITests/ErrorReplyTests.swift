import Chat
import Foundation
import Synchronization
import Testing

/// Lets nobody in, with an error of the test's choice.
private struct ClosedGate: Authenticator {
    let error: any Error

    func open(_ email: Email, browser: String, address: String) async throws -> (session: Session, token: String) {
        throw error
    }
    func identify(_ token: String?) async throws -> Principal { throw error }
    func session(of principal: Principal) async throws -> Session { throw error }
    func end(_ principal: Principal) async throws { throw error }
    func endAll(_ principal: Principal) async throws -> Int { throw error }
}

@Suite(.timeLimit(.minutes(1))) struct ErrorReplyTests {
    private static let statuses: [(ChatError.Code, Int, String)] = [
        (.badRequest, 400, "Bad request"), (.unauthorized, 401, "Unauthorized"), (.forbidden, 403, "Forbidden"),
        (.notFound, 404, "Not found"), (.methodNotAllowed(allowed: "GET"), 405, "Method not allowed"),
        (.tooLarge, 413, "Content too large"), (.unsupportedMediaType, 415, "Unsupported media type"),
        (.invalidField, 422, "Validation failed"), (.unsupportedField, 422, "Validation failed"),
        (.contextTooLong, 422, "Validation failed"), (.noSuchModel, 404, "Model not found"),
        (.blocked, 400, "Message blocked"), (.filtered, 422, "Content filtered"), (.conflict, 409, "Conflict"),
        (.rateLimited, 429, "Rate limit exceeded"), (.budgetSpent, 429, "Budget spent"),
        (.notPriced, 400, "Model not priced"), (.quotaExceeded, 429, "Message limit exceeded"),
        (.internalFault, 500, "Internal server error"),
        (.providerFailed, 502, "Provider failed"), (.overloaded, 503, "Service unavailable"),
        (.unavailable, 503, "Service unavailable"), (.deadlinePassed, 504, "Deadline passed"),
    ]

    @Test(arguments: statuses)
    func everyErrorHasItsStatusAndItsTitle(_ code: ChatError.Code, _ status: Int, _ title: String) async throws {
        let error = ChatError(code, "in words", details: ["field: rule"], retryAfter: 7, cause: "the cause")
        let stage = try await Stage(gate: ClosedGate(error: error))
        let reply = await stage.get("/auth/session", headers: ["X_REQUEST_ID": "my-request-1"])
        expectError(reply, status)
        #expect(reply.text("error") == title && reply.text("message") == "in words")
        #expect(reply.json["details"] as? [String] == ["field: rule"])
        #expect(reply.header("retry-after") == "7")
        #expect(reply.header("www-authenticate") == (status == 401 ? "Bearer" : nil))
        #expect(reply.header("allow") == (status == 405 ? "GET" : nil))
        #expect(reply.header("x-request-id") == "my-request-1" && reply.header("cache-control") == "no-store")
        #expect(!reply.body.contains("the cause"), "for the log only")

        let line = try #require(stage.log.lines.last)
        #expect(stage.log.lines.count == 1 && line["cause"] == "the cause" && line["status"] == String(status))
        #expect(line["request_id"] == "my-request-1" && line["route"] == "/auth/session")
        #expect(line["weight"] == (status >= 500 ? "error" : "notice"))
    }

    @Test func anUnknownErrorIsA500WithoutInternals() async throws {
        struct Secret: Error { let path = "/var/lib/parley" }
        let stage = try await Stage(gate: ClosedGate(error: Secret()))
        let reply = await stage.get("/auth/session")
        expectError(reply, 500)
        #expect(!reply.body.contains("Secret") && !reply.body.contains("/var/lib"))
        #expect(stage.log.lines.last?["cause"]?.contains("/var/lib/parley") == true)
        #expect(reply.header("retry-after") == nil)
    }

    /// Any origin is allowed, but no reply can name this one.
    @Test func aReplyThatCannotBeSentIsTheErrorObject() async throws {
        let stage = try await Stage(corsOrigins: ["*"])
        let reply = await stage.get("/health/live", headers: ["ORIGIN": "a\u{1}b", "X_REQUEST_ID": "my-request-1"])
        expectError(reply, 500)
        #expect(reply.text("error") == "Internal server error")
        #expect(reply.text("message") == "The request could not be answered" && reply.text("cause") == nil)
        #expect(reply.header("x-request-id") == "my-request-1")
    }

    @Test func aRequestIDThatIsNoneIsReplaced() async throws {
        let stage = try await Stage()
        for id in ["short", String(repeating: "a", count: 65), "with space", "né-nothing", ""] {
            let reply = await stage.get("/nowhere", headers: ["X_REQUEST_ID": id])
            expectError(reply, 404, "\(id)")
            #expect(reply.header("x-request-id")?.count == 32)
        }
    }

    @Test func aFailedModelIsTheProvidersFaultAndNotCounted() async throws {
        let stage = try await Stage()
        let token = try await stage.logIn()
        for (reason, status) in [(ModelFailure.Reason.unreachable, 503), (.refused(status: 400), 502), (.tooLong, 422)]
        {
            stage.model.failure.withLock {
                $0 = ModelFailure(provider: "scripted", reason: reason, detail: "its own words")
            }
            let reply = await stage.post("/chat", token: token, #"{"message":"hello"}"#)
            expectError(reply, status, "\(reason)")
            #expect(!reply.body.contains("its own words"))
            #expect(stage.log.lines.last?["cause"]?.contains("its own words") == true)
        }
        #expect(await stage.get("/auth/session", token: token).number("messages_used") == 0)
    }
}
