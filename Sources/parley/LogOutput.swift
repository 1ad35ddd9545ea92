import API
import EventLoop
import FoundationEssentials
import Glibc
import Logging
import StrictJSON
import Synchronization

/// Writes log lines to standard error: JSON for a program to read, text on a terminal for a person, or JSON under the names
/// of the Elastic Common Schema.
struct LogOutput: LogHandler {
    enum Format: String, Sendable, CaseIterable { case json, text, ecs }

    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    private let format: Format
    /// Of the lines of requests with which all is well, the share that is written.
    let share: Double

    init(level: Logger.Level, format: Format? = nil, share: Double = 1) {
        logLevel = level
        self.format = format ?? Self.chosen.withLock { $0 } ?? (isatty(STDERR_FILENO) == 1 ? .text : .json)
        self.share = share
    }

    /// The form of all lines of this process from now on; nil for the one that fits who reads them.
    static func use(_ format: Format?) { chosen.withLock { $0 = format } }

    private static let chosen = Mutex<Format?>(nil)

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let fields = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
        write(event.level, event.message.description, fields.map { LogField($0.key, value: $0.value) })
    }

    private func write(_ level: Logger.Level, _ message: String, _ fields: [LogField]) {
        if level >= .error { Self.keep(message, fields) }
        Self.lines.write(line(level, message, fields))
    }

    private func line(_ level: Logger.Level, _ message: String, _ fields: [LogField]) -> [UInt8] {
        switch format {
        case .json: Self.json(level, message, fields)
        case .text: Self.text(level, message, fields)
        case .ecs: Self.ecs(level, message, fields)
        }
    }

    /// The last error of this process, for who looks at the pool: no more than the log says.
    static var lastError: String? { lastErrorText.withLock { $0 } }

    private static let lastErrorText = Mutex<String?>(nil)

    private static func keep(_ message: String, _ fields: [LogField]) {
        var text = message
        for field in fields where field.name == "cause" || field.name == "status" {
            switch field.value {
            case .text(let words): text += " \(printable(words))"
            case .number(let number): text += " \(number)"
            default: break
            }
        }
        lastErrorText.withLock { [text] in $0 = text }
    }

    static func json(_ level: Logger.Level, _ message: String, _ fields: [LogField]) -> [UInt8] {
        JSONWriter.object(before: "\n", capacity: 640, escapes: .plain) { json in
            json.member("time", now())
            json.member("level", level.rawValue)
            json.member("message", message)
            json.member("pid", pid)
            for field in fields { field.write(as: field.name, to: &json) }
        }
    }

    static func text(_ level: Logger.Level, _ message: String, _ fields: [LogField]) -> [UInt8] {
        var line = "\(now()) \(level.rawValue.uppercased()) \(message)"
        for field in fields {
            let value =
                switch field.value {
                case .text(let text): quoted(printable(text))
                case .number(let number): "\(number)"
                case .milliseconds(let time): "\((time * 1_000).rounded() / 1_000)"
                case .flag(let flag): "\(flag)"
                }
            line += " \(field.name)=\(value)"
        }
        return Array((line + "\n").utf8)
    }

    /// What came from outside must not move a terminal's cursor, begin a line of its own or turn the letters of others
    /// around.
    ///
    /// - Parameter isEscaped: the ASCII controls will be, by JSON.
    static func printable(_ text: String, isEscaped: Bool = false) -> String {
        let first: UInt8 = isEscaped ? 0 : 0x20
        guard text.utf8.contains(where: { $0 < first || $0 >= 0x7F }) else { return text }
        return String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { scalar in
                    guard scalar.value >= 0x20 || !isEscaped else { return scalar }
                    return switch scalar.properties.generalCategory {
                    case .control, .format, .lineSeparator, .paragraphSeparator: "␦"
                    default: scalar
                    }
                }))
    }

    /// In quotes where it could be taken for further fields.
    private static func quoted(_ text: String) -> String {
        guard text.utf8.contains(where: { " =\"".utf8.contains($0) }) else { return text }
        return "\"\(text.replacing("\"", with: "\\\""))\""
    }

    static let pid = Int(getpid())

    static func now() -> String { Date().iso8601 }

    /// Standard error. Once it must not wait (`neverWait`), no request is held up by whoever reads the log.
    static let lines = LineWriter(descriptor: STDERR_FILENO) { count in
        let output = LogOutput(level: .warning)
        return output.line(.warning, "log lines lost", [LogField("lines", .number(count))])
    }
}

extension LogOutput: RequestLog {
    func takes(_ weight: LogWeight) -> Bool { logLevel <= weight.level }

    func write(_ weight: LogWeight, _ fields: [LogField]) { write(weight.level, "request", fields) }
}

extension LogWeight {
    fileprivate var level: Logger.Level {
        switch self {
        case .info: .info
        case .notice: .notice
        case .error: .error
        }
    }
}

extension LogField {
    func write(as name: String, to json: inout JSONWriter.Members) {
        switch value {
        case .text(let text): json.member(named: name, LogOutput.printable(text, isEscaped: true))
        case .number(let number): json.member(named: name, number)
        case .milliseconds(let time):
            if let count = Int(exactly: (time * 1_000).rounded()) {
                json.member(named: name, JSONThousandths(count))
            } else {
                json.member(named: name, time)
            }
        case .flag(let flag): json.member(named: name, flag)
        }
    }

    /// A number stays a number: swift-log's metadata has no other way to say so than a value that prints as one.
    fileprivate init(_ name: String, value: Logger.MetadataValue) {
        let text = value.description
        if case .stringConvertible = value, let number = Int(text) {
            self.init(name, .number(number))
        } else if case .stringConvertible = value, let number = Double(text) {
            self.init(name, .milliseconds(number))
        } else {
            self.init(name, .text(text))
        }
    }
}
