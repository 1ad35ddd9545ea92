import Curl
import FoundationEssentials
import StrictJSON

/// The way of one question: a login, an answer, the same answer from the cache, the deletion of both, and the session's
/// end.
struct QuestionCheck {
    let service: DeployedService
    let options: DeployedOptions
    /// Given by the operator, and left as it is, with what is asked in its history.
    let token: String?

    func run(_ report: (Finding) -> Void) async {
        if let token {
            var isTaken = false
            await step("token", report) { isTaken = try await see(token, report) }
            guard isTaken, !options.noQuestion else { return }
            return await step("question", report) { try await ask(token, report) }
        }
        var session: String?
        await step("login", report) { session = try await logIn(report) }
        guard let session else { return }
        // Whatever becomes of the question, nothing is left behind.
        if !options.noQuestion {
            await step("question", report) { try await ask(session, report) }
            await step("history", report) { try await forget(session, report) }
        }
        await step("session", report) { try await logOut(session, report) }
    }

    private func step(_ what: String, _ report: (Finding) -> Void, _ body: () async throws -> Void) async {
        do { try await body() } catch {
            report(
                .wrong(
                    what, (error as? CurlError)?.detail ?? "\(error)", mend: "look into Parley's log and nginx's"))
        }
    }

    private func see(_ token: String, _ report: (Finding) -> Void) async throws(CurlError) -> Bool {
        let reply = try await service.get("/auth/session", token: token)
        guard reply.status == 200 else {
            report(
                Self.isTooOften("token", reply)
                    ?? .wrong("token", reply.summary, mend: "give one that is good here: --token-file FILE"))
            return false
        }
        report(.well("token", "it is taken"))
        return true
    }

    private func logIn(_ report: (Finding) -> Void) async throws(CurlError) -> String? {
        let login = try await service.get("/auth/login")
        if let finding = Self.isTooOften("login", login) {
            report(finding)
            return nil
        }
        let mode = login.json?["mode"]?.string ?? "unknown"
        guard mode == "open" else {
            report(
                .warning(
                    "login", "not tried: an address is not enough here (\(mode))",
                    mend: "give a session's token or an API key: --token-file FILE"))
            return nil
        }
        let account = options.account ?? "parley-check@example.com"
        let reply = try await service.post("/auth/email", JSONWriter.object { $0.member("email", account) })
        if reply.status == 200, let token = reply.json?["access_token"]?.string {
            report(.well("login", account))
            return token
        }
        report(Self.isTooOften("login", reply) ?? .wrong("login", reply.summary, mend: "look into Parley's log"))
        return nil
    }

    private func ask(_ token: String, _ report: (Finding) -> Void) async throws(CurlError) {
        // New each time, so that a model is asked and the cache is not older than this.
        let question = JSONWriter.object { json in
            json.member("content", "Please answer with the word fine. (Check of \(Date().timeIntervalSince1970))")
        }
        let start = ContinuousClock.now
        let first = try await service.ask(question, token: token)
        guard first.status == 200, first.json?["content"]?.string?.isEmpty == false else {
            return report(
                Self.isTooOften("question", first)
                    ?? .wrong("question", first.summary, mend: "run `parley check` there: it asks each provider"))
        }
        let span = start.duration(to: .now) / .seconds(1)
        report(
            .well("question", "\(first.json?["model"]?.string ?? "a model") answered in \(Int(span * 1_000)) ms"))
        let second = try await service.ask(question, token: token)
        if second.status == 200, second.json?["cached"]?.bool == true {
            report(.well("cache", "the same question again was answered from it"))
        } else if second.status == 200 {
            report(.warning("cache", "the same question was put to a model twice", mend: "see CHAT_CACHE_TTL"))
        } else {
            report(
                Self.isTooOften("cache", second)
                    ?? .wrong("cache", "the same question again got \(second.summary)", mend: "look into Parley's log"))
        }
    }

    /// Of this session alone: an address that was typed proves nothing, and reaches no other session's texts.
    private func forget(_ token: String, _ report: (Finding) -> Void) async throws(CurlError) {
        let reply = try await service.delete("/chat/history", token: token)
        report(
            reply.status == 200
                ? .well("history", "what was asked is deleted")
                : Self.isTooOften("history", reply)
                    ?? .wrong("history", "deleting it got \(reply.summary)", mend: "look into Parley's log"))
    }

    private func logOut(_ token: String, _ report: (Finding) -> Void) async throws(CurlError) {
        let end = try await service.post("/auth/logout", token: token)
        let after = try await service.get("/auth/session", token: token)
        let isEnded = end.status == 200 && [401, 429].contains(after.status)
        report(
            isEnded
                ? .well("session", after.status == 401 ? "it is ended, and its token is refused" : "it is ended")
                : .wrong(
                    "session", "ending it got \(end.summary); then its token got \(after.status)",
                    mend: "look into Parley's log"))
    }

    /// What an earlier check may have brought about: it uses up what an address or a key may ask.
    private static func isTooOften(_ what: String, _ reply: DeployedService.Reply) -> Finding? {
        guard reply.status == 429 else { return nil }
        return .warning(
            what, "not seen: too much was asked (\(reply.summary))",
            mend: reply.header("Retry-After").map { "again in \($0) s" } ?? "wait, or give another: --token-file FILE")
    }
}
