import API
import Logging
import StrictJSON

/// Log lines under the names of the Elastic Common Schema (ECS 8.11). What has no name there is under `parley`.
extension LogOutput {
    static func ecs(_ level: Logger.Level, _ message: String, _ fields: [LogField]) -> [UInt8] {
        JSONWriter.object(before: "\n", capacity: 768, escapes: .plain) { json in
            json.member("@timestamp", now())
            json.member("log.level", level.rawValue)
            json.member("message", message)
            json.member("ecs.version", "8.11.0")
            json.member("service.name", "parley")
            json.member("process.pid", pid)
            for field in fields {
                // Nanoseconds there.
                if field.name == "ms", case .milliseconds(let time) = field.value,
                    let nanoseconds = Int(exactly: (time * 1_000_000).rounded())
                {
                    json.member("event.duration", nanoseconds)
                } else {
                    field.write(as: names[field.name] ?? "parley.\(field.name)", to: &json)
                }
            }
        }
    }

    private static let names = [
        "request_id": "http.request.id", "method": "http.request.method", "status": "http.response.status_code",
        "bytes": "http.response.body.bytes", "trace_id": "trace.id", "cause": "error.message",
    ]
}
