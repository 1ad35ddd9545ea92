import FastCGI

extension Request {
    /// Whether `Accept` names server-sent events, with a weight above zero and no less than JSON's (RFC 9110 §12.5.1). A
    /// wildcard asks for no events.
    var prefersEvents: Bool {
        guard let accept = header("ACCEPT"), accept != "*/*", accept != "application/json" else { return false }
        var events = 0.0
        var json = 0.0
        for range in accept.lowercased().split(separator: ",") {
            let parts = range.split(separator: ";").map { $0.filter { !$0.isWhitespace } }
            switch parts.first {
            case "text/event-stream": events = Self.weight(parts.dropFirst())
            case "application/json": json = Self.weight(parts.dropFirst())
            default: break
            }
        }
        return events > 0 && events >= json
    }

    /// One without a weight, and with one that is none, weighs 1.
    private static func weight(_ parameters: some Sequence<String>) -> Double {
        guard let weight = parameters.first(where: { $0.hasPrefix("q=") }) else { return 1 }
        return Double(weight.dropFirst(2)).flatMap { (0...1).contains($0) ? $0 : nil } ?? 1
    }
}
