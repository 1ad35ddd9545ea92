import StrictJSON

/// JSON whose members stay in the order in which they are written: for a text that people read.
indirect enum OrderedJSON: Sendable, Equatable {
    case null
    case bool(Bool)
    case int(Int)
    case string(String)
    case array([OrderedJSON])
    case object([Member])

    struct Member: Sendable, Equatable {
        let name: String
        let value: OrderedJSON
    }

    var isEmpty: Bool {
        switch self {
        case .array(let elements): elements.isEmpty
        case .object(let members): members.isEmpty
        default: false
        }
    }

    /// Adds a member to an object; nil and what is empty add none.
    mutating func add(_ name: String, _ value: OrderedJSON?) {
        guard case .object(let members) = self, let value, !value.isEmpty else { return }
        self = .object(members + [Member(name: name, value: value)])
    }

    /// UTF-8 with two spaces a level. What holds no other object or array and fits takes one line.
    var text: [UInt8] {
        var bytes: [UInt8] = []
        write(indent: 0, to: &bytes)
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }

    private static let lineLength = 100

    private func write(indent: Int, to bytes: inout [UInt8]) {
        switch self {
        case .null: bytes += "null".utf8
        case .bool(let value): bytes += JSONWriter.value(value)
        case .int(let value): bytes += JSONWriter.value(value)
        case .string(let value): bytes += JSONWriter.value(value)
        case .array(let elements):
            write(elements.map { (nil, $0) }, "[", "]", indent: indent, to: &bytes)
        case .object(let members):
            write(members.map { ($0.name, $0.value) }, "{", "}", indent: indent, to: &bytes)
        }
    }

    private func write(
        _ parts: [(name: String?, value: OrderedJSON)], _ open: String, _ close: String, indent: Int,
        to bytes: inout [UInt8]
    ) {
        func write(_ separator: String, indent: Int, to bytes: inout [UInt8]) {
            for (index, part) in parts.enumerated() {
                bytes += ((index == 0 ? "" : ",") + (index == 0 && indent == 0 ? "" : separator)).utf8
                if let name = part.name { bytes += JSONWriter.value(name) + Array(": ".utf8) }
                part.value.write(indent: indent, to: &bytes)
            }
        }
        bytes += open.utf8
        defer { bytes += close.utf8 }
        if parts.allSatisfy({ !$0.value.hasParts }) {
            var line: [UInt8] = []
            write(" ", indent: 0, to: &line)
            if line.count <= Self.lineLength - 2 * indent {
                bytes += line
                return
            }
        }
        write("\n" + String(repeating: "  ", count: indent + 1), indent: indent + 1, to: &bytes)
        bytes += ("\n" + String(repeating: "  ", count: indent)).utf8
    }

    private var hasParts: Bool {
        switch self {
        case .array, .object: !isEmpty
        default: false
        }
    }
}

extension OrderedJSON: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByStringInterpolation, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    init(nilLiteral: ()) { self = .null }
    init(booleanLiteral value: Bool) { self = .bool(value) }
    init(integerLiteral value: Int) { self = .int(value) }
    init(stringLiteral value: String) { self = .string(value) }
    init(arrayLiteral elements: OrderedJSON...) { self = .array(elements) }
    init(dictionaryLiteral elements: (String, OrderedJSON)...) {
        self = .object(elements.map { Member(name: $0, value: $1) })
    }
}
