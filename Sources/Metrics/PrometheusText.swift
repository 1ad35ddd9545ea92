internal import SharedMemory

/// Writes Prometheus's text format (prometheus.io/docs/instrumenting/exposition_formats).
struct PrometheusText {
    enum Kind: String { case counter, gauge, histogram }

    private(set) var text = ""
    private var name = ""

    /// What OpenTelemetry calls so, as Prometheus does.
    static func name(_ name: String, unit: String? = nil) -> String {
        name.split(separator: ".").joined(separator: "_") + (unit.map { "_\($0)" } ?? "")
    }

    /// The samples that follow are of this family.
    mutating func family(_ name: String, _ help: String, _ kind: Kind) {
        self.name = name
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    mutating func sample(_ labels: [(String, String)], _ value: UInt64) { line("", labels, "\(value)") }
    mutating func sample(_ labels: [(String, String)], _ value: Double) { line("", labels, "\(value)") }

    mutating func histogram(_ labels: [(String, String)], _ histogram: Histogram, _ words: SharedWords) {
        let counts = histogram.cumulative(in: words)
        let bounds = histogram.scale.bounds.map { "\(Double($0) / histogram.scale.divisor)" } + ["+Inf"]
        for (bound, count) in zip(bounds, counts) { line("_bucket", labels + [("le", bound)], "\(count)") }
        line("_sum", labels, "\(Double(histogram.sum(in: words)) / histogram.scale.divisor)")
        line("_count", labels, "\(counts.last ?? 0)")
    }

    private mutating func line(_ suffix: String, _ labels: [(String, String)], _ value: String) {
        text += name + suffix
        if !labels.isEmpty {
            text += "{" + labels.map { "\($0)=\"\(Self.escaped($1))\"" }.joined(separator: ",") + "}"
        }
        text += " \(value)\n"
    }

    private static func escaped(_ value: String) -> String {
        var text = ""
        for character in value.unicodeScalars {
            switch character {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(character)
            }
        }
        return text
    }
}
