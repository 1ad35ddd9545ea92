import Chat
import StrictJSON
import Testing

@testable import API

@Suite(.timeLimit(.minutes(1))) struct OpenAIErrorTests {
    private func reply(_ error: ChatError) throws -> (reply: ErrorReply, error: JSON) {
        let reply = ErrorReply(error, requestID: "request-1", in: CompletionDialect.self)
        return (reply, try #require(try JSON(parsing: CompletionDialect.body(of: reply))["error"]))
    }

    @Test func hasAllFourMembersAlways() throws {
        let (reply, error) = try reply(ChatError(.internalFault, "Something went wrong here", cause: "secret"))
        #expect(reply.status == 500)
        #expect(error["message"]?.string == "Something went wrong here" && error["type"]?.string == "server_error")
        #expect(error["param"]?.isNull == true && error["code"]?.isNull == true)
    }

    @Test func namesTheParameterInA400() throws {
        let (reply, error) = try reply(.invalid("temperature", "must be from 0 to 2"))
        #expect(reply.status == 400 && error["param"]?.string == "temperature")
        #expect(error["message"]?.string == "temperature must be from 0 to 2")
    }

    @Test(arguments: [
        (ChatError.invalidKey("x"), 401, "invalid_request_error", "invalid_api_key"),
        (.quotaExceeded(limit: 1), 429, "insufficient_quota", "insufficient_quota"),
        (ChatError(.budgetSpent, "m"), 429, "insufficient_quota", "insufficient_quota"),
        (ChatError(.rateLimited, "m", retryAfter: 3), 429, "requests", "rate_limit_exceeded"),
        (ChatError(.notPriced, "m"), 400, "invalid_request_error", "model_not_priced"),
        (ChatError(.conflict, "m"), 409, "invalid_request_error", "conflict"),
    ])
    func saysWhatItIs(_ error: ChatError, _ status: Int, _ type: String, _ code: String) throws {
        let (reply, object) = try reply(error)
        #expect(reply.status == status)
        #expect(object["type"]?.string == type && object["code"]?.string == code)
    }

    /// OpenAI's clients try a 429 again unless they are told not to.
    @Test func saysWhenTryingAgainIsOfNoUse() throws {
        func headers(_ error: ChatError) throws -> [String: String] {
            Dictionary(uniqueKeysWithValues: try reply(error).reply.headers.map { ($0.name, $0.value) })
        }
        #expect(try headers(ChatError(.budgetSpent, "m"))["X-Should-Retry"] == "false")
        #expect(try headers(.quotaExceeded(limit: 1))["X-Should-Retry"] == "false")
        let slow = try headers(ChatError(.rateLimited, "m", retryAfter: 3))
        #expect(slow["X-Should-Retry"] == nil && slow["Retry-After"] == "3")
        #expect(try headers(ChatError(.unavailable, "m"))["X-Should-Retry"] == nil)
    }
}
