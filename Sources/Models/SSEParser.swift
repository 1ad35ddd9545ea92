/// Server-sent events out of bytes that come in any portions (WHATWG HTML, 9.2.6).
///
/// Lines end with CR, LF or CRLF, a byte order mark at the start is skipped, comments are ignored, several data lines
/// make one event. Other than the standard says, an event without its blank line counts when the stream ends: some
/// servers leave the last one out. Whether such an event is whole is for the reader of its data to see.
struct SSEParser: Sendable {
    /// The most bytes that an event or a line may have.
    static let maximumEventBytes = 1 << 20

    struct EventTooLarge: Error {}

    private var line: [UInt8] = []
    private var data: [UInt8] = []
    private var hasData = false
    private var afterCarriageReturn = false
    private var isAtStart = true

    /// Lines that are neither a field, nor a comment: not a stream of events at all, if there are only such.
    private(set) var foreignLines = 0

    /// - Returns: the data of each event that these bytes complete.
    mutating func feed(_ bytes: [UInt8]) throws(EventTooLarge) -> [[UInt8]] {
        var events: [[UInt8]] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            if afterCarriageReturn {
                afterCarriageReturn = false
                if rest.first == 0x0A { rest.removeFirst() }
                continue
            }
            guard let end = rest.firstIndex(where: { $0 == 0x0A || $0 == 0x0D }) else {
                line += rest
                rest = []
                break
            }
            line += rest[..<end]
            afterCarriageReturn = rest[end] == 0x0D
            rest = rest[(end + 1)...]
            try checkSize()
            if let event = endLine() { events.append(event) }
        }
        try checkSize()
        return events
    }

    /// - Returns: the data of an event that the end of the stream completes.
    mutating func finish() -> [UInt8]? {
        if !line.isEmpty, let event = endLine() { return event }
        return endLine()
    }

    private func checkSize() throws(EventTooLarge) {
        if line.count + data.count > Self.maximumEventBytes { throw EventTooLarge() }
    }

    private mutating func endLine() -> [UInt8]? {
        defer { line.removeAll(keepingCapacity: true) }
        if isAtStart {
            isAtStart = false
            if line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
        }
        guard !line.isEmpty else {
            defer {
                data = []
                hasData = false
            }
            return hasData ? data : nil
        }
        let colon = line.firstIndex(of: UInt8(ascii: ":")) ?? line.endIndex
        switch String(decoding: line[..<colon], as: UTF8.self) {
        case "data":
            if hasData { data.append(0x0A) }
            hasData = true
            let value = line[colon...].dropFirst()
            data += value.first == 0x20 ? value.dropFirst() : value
        case "", "event", "id", "retry":
            break
        default:
            foreignLines += 1
        }
        return nil
    }
}
