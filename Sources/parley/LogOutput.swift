import FoundationEssentials
import Glibc
import Logging
import StrictJSON

/// Writes log lines to standard error: JSON for a program to read, text on a terminal for a person.
struct LogOutput: LogHandler {
    enum Format { case json, text }

    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    private let format: Format

    init(level: Logger.Level, format: Format = isatty(STDERR_FILENO) == 1 ? .text : .json) {
        logLevel = level
        self.format = format
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var fields = metadata
        if let more = event.metadata { fields.merge(more) { $1 } }
        let line =
            switch format {
            case .json: Self.json(event.level, event.message.description, fields)
            case .text: Self.text(event.level, event.message.description, fields)
            }
        Self.write(line)
    }

    static func json(_ level: Logger.Level, _ message: String, _ fields: Logger.Metadata) -> [UInt8] {
        var line = JSONWriter.object { json in
            json.member("time", now())
            json.member("level", level.rawValue)
            json.member("message", message)
            json.member("pid", Int(getpid()))
            for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
                if case .stringConvertible(let number) = value {
                    json.member(name, Verbatim(number.description))
                } else {
                    json.member(name, value.description)
                }
            }
        }
        line.append(UInt8(ascii: "\n"))
        return line
    }

    static func text(_ level: Logger.Level, _ message: String, _ fields: Logger.Metadata) -> [UInt8] {
        var line = "\(now()) \(level.rawValue.uppercased()) \(message)"
        for (name, value) in fields.sorted(by: { $0.key < $1.key }) {
            line += " \(name)=\(printable(value.description))"
        }
        return Array((line + "\n").utf8)
    }

    /// What came from outside must not move a terminal's cursor or begin a line of its own.
    private static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? "␦" : $0 }))
    }

    private static func now() -> String {
        Date().formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    /// One write for one line, so that the lines of several processes do not mix.
    private static func write(_ line: [UInt8]) {
        var rest = line[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            guard count > 0 else {
                if count < 0, errno == EINTR { continue }
                return
            }
            rest = rest.dropFirst(count)
        }
    }
}

/// A number or a truth value, as the log's metadata holds it: in words.
private struct Verbatim: JSONWritable {
    private let text: String

    init(_ text: String) { self.text = text }

    func write(to buffer: inout JSONBuffer) {
        if let number = Int(text) {
            number.write(to: &buffer)
        } else if let number = Double(text) {
            number.write(to: &buffer)
        } else if let truth = Bool(text) {
            truth.write(to: &buffer)
        } else {
            text.write(to: &buffer)
        }
    }
}
