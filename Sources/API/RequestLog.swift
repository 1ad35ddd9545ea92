import Chat
import FastCGI
import Logging

extension ChatService {
    /// One line for each request; never a token, a key, an address of a person or a text of a message.
    func log(_ call: Call) {
        let status = call.failure?.status ?? call.status ?? 0
        let level: Logger.Level = status >= 500 || status == 0 ? .error : status >= 400 ? .notice : .info
        guard log.logLevel <= level else { return }
        var fields: Logger.Metadata = [
            "request_id": "\(call.id)", "method": "\(call.request.method)", "route": "\(call.route)",
            "status": .stringConvertible(status),
            "ms": .stringConvertible(Rounded((ContinuousClock.now - call.start).milliseconds)),
            "bytes": .stringConvertible(call.writer.bytesSent),
        ]
        for (stage, milliseconds) in call.trace.stages {
            fields["\(stage.rawValue)_ms"] = .stringConvertible(Rounded(milliseconds))
        }
        if let cache = call.trace.cache { fields["cache"] = "\(cache.rawValue)" }
        if let provider = call.trace.provider { fields["provider"] = "\(provider)" }
        if let model = call.trace.model { fields["model"] = "\(model)" }
        if let usage = call.trace.usage { fields["tokens"] = .stringConvertible(usage.total) }
        if call.trace.held { fields["held"] = .stringConvertible(true) }
        if let cause = call.failure?.cause { fields["cause"] = "\(cause)" }
        if let remark = call.trace.remark { fields["remark"] = "\(remark)" }
        log.log(level: level, "request", metadata: fields)
    }
}

/// Three digits after the point: a microsecond is the clock's use here.
private struct Rounded: CustomStringConvertible, Sendable {
    let description: String

    init(_ value: Double) {
        let thousandths = Int((value * 1_000).rounded())
        let rest = String(thousandths % 1_000)
        description = "\(thousandths / 1_000)." + String(repeating: "0", count: 3 - rest.utf8.count) + rest
    }
}
