import Chat
import FastCGI
import FoundationEssentials
import StrictJSON

/// What GET /health asks about.
public protocol HealthSource: Sendable {
    /// Returning means that the database answers.
    func checkDatabase() async throws
    /// What can answer a question, in the order of fallback: provider and model.
    var providers: [(provider: String, model: String)] { get }
    /// Whether nothing but the embedded provider answers.
    var isEcho: Bool { get }
    /// Bytes of answers in this worker's memory.
    var cacheBytes: Int { get }
}

extension ChatService {
    /// 200 when requests can be served, 503 when the database is down.
    func showHealth(_ call: inout Call) async throws {
        var failure: (any Error)?
        let start = ContinuousClock.now
        do { try await health.checkDatabase() } catch { failure = error }
        let databaseTime = ContinuousClock.now - start
        let isDetailed = ["true", "1"].contains(call.request.query("detailed"))
        let inFlight = load.current
        let body = JSONWriter.object { json in
            json.member("status", failure == nil ? "healthy" : "unhealthy")
            json.member("timestamp", Date().iso8601)
            json.member("version", settings.version)
            json.member("database", failure == nil ? "connected" : "unavailable")
            json.member("ai_service", health.isEcho ? "echo" : "available")
            guard isDetailed else { return }
            json.object("components") { json in
                json.object("database") { json in
                    json.member("status", failure == nil ? "connected" : "unavailable")
                    json.member("milliseconds", databaseTime.milliseconds)
                }
                json.array("providers") { list in
                    for (provider, model) in health.providers {
                        list.object { json in
                            json.member("name", provider)
                            json.member("model", model)
                        }
                    }
                }
                json.object("cache") { $0.member("memory_bytes", health.cacheBytes) }
                json.object("worker") { json in
                    json.member("in_flight", inFlight)
                    json.member("max_in_flight", settings.maxInFlight)
                }
            }
        }
        if let failure { call.failure = ErrorReply(failure, requestID: call.id) }
        try await call.send(failure == nil ? 200 : 503, body, headers: failure == nil ? [] : [("Retry-After", "5")])
    }
}
