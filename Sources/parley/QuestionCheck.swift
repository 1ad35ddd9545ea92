import Curl
import FoundationEssentials
import StrictJSON

/// The way of one question: a login, an answer, the same answer from the cache, and the session's end.
struct QuestionCheck {
    let service: DeployedService
    let options: DeployedOptions
    /// Given by the operator, and left as it is.
    let token: String?

    func run(_ report: (Finding) -> Void) async {
        do {
            if let token {
                let reply = try await service.get("/auth/session", token: token)
                guard reply.status == 200 else {
                    return report(.wrong("token", reply.summary, mend: "give one that is good here: --token-file FILE"))
                }
                report(.well("token", "it is taken"))
                if !options.noQuestion { try await ask(token, report) }
            } else if let token = try await logIn(report) {
                if !options.noQuestion { try await ask(token, report) }
                try await logOut(token, report)
            }
        } catch {
            report(.wrong("question", "\(error)", mend: "look into Parley's log and nginx's"))
        }
    }

    private func logIn(_ report: (Finding) -> Void) async throws(CurlError) -> String? {
        let mode = try await service.get("/auth/login").json?["mode"]?.string ?? "unknown"
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
        report(
            reply.status == 429
                ? .warning(
                    "login", "this machine's address has logged in too often",
                    mend: "again in \(reply.header("Retry-After") ?? "some") s")
                : .wrong("login", reply.summary, mend: "look into Parley's log"))
        return nil
    }

    private func ask(_ token: String, _ report: (Finding) -> Void) async throws(CurlError) {
        // New each time, so that a model is asked and the cache is not older than this.
        let question = JSONWriter.object { json in
            json.member("content", "Please answer with the word fine. (Check of \(Date().timeIntervalSince1970))")
        }
        let start = ContinuousClock.now
        let first = try await service.post("/chat", token: token, question)
        guard first.status == 200, first.json?["content"]?.string?.isEmpty == false else {
            return report(
                .wrong("question", first.summary, mend: "run `parley check` there: it asks each provider"))
        }
        let span = start.duration(to: .now) / .seconds(1)
        report(
            .well("question", "\(first.json?["model"]?.string ?? "a model") answered in \(Int(span * 1_000)) ms"))
        let second = try await service.post("/chat", token: token, question)
        if second.status == 200, second.json?["cached"]?.bool == true {
            report(.well("cache", "the same question again was answered from it"))
        } else if second.status == 200 {
            report(.warning("cache", "the same question was put to a model twice", mend: "see CHAT_CACHE_TTL"))
        } else {
            report(.wrong("cache", "the same question again got \(second.summary)", mend: "look into Parley's log"))
        }
    }

    private func logOut(_ token: String, _ report: (Finding) -> Void) async throws(CurlError) {
        let end = try await service.post("/auth/logout", token: token)
        let after = try await service.get("/auth/session", token: token)
        report(
            end.status == 200 && after.status == 401
                ? .well("session", "it is ended, and its token is refused")
                : .wrong(
                    "session", "ending it got \(end.summary); then its token got \(after.status)",
                    mend: "look into Parley's log"))
    }
}
