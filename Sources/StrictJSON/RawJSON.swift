/// A JSON value as it was written: members in their order, numbers with their digits. For what passes through a program
/// that need not understand it.
public struct RawJSON: Sendable, Equatable, JSONWritable {
    private let bytes: ArraySlice<UInt8>

    /// - Parameter text: one that ``JSON/init(parsing:_:)`` takes; of any other what is found in it means nothing.
    public init(parsed text: [UInt8]) {
        // One value and the white space around it: nothing is read before something is asked for.
        let start = text.firstIndex { $0 > 0x20 } ?? text.endIndex
        let end = text.lastIndex { $0 > 0x20 }.map { $0 + 1 } ?? text.endIndex
        bytes = text[start..<end]
    }

    public init(parsed text: String) { self.init(parsed: Array(text.utf8)) }

    private init(_ bytes: ArraySlice<UInt8>, at index: Int) {
        let start = Self.pastSpace(bytes, index)
        self.bytes = bytes[start..<Self.end(bytes, start)]
    }

    public var text: String { String(decoding: bytes, as: UTF8.self) }

    public func write(to buffer: inout JSONBuffer) { buffer.append(verbatim: text) }

    /// The member's value; nil when there is none or this is no object.
    public subscript(name: String) -> RawJSON? {
        guard bytes.first == UInt8(ascii: "{") else { return nil }
        var index = Self.pastSpace(bytes, bytes.startIndex + 1)
        while index < bytes.endIndex, bytes[index] == UInt8(ascii: "\"") {
            let end = Self.end(bytes, index)
            let isWanted = Self.isName(bytes[index..<end], name)
            index = Self.pastSpace(bytes, end) + 1  // the colon
            let value = RawJSON(bytes, at: index)
            if isWanted { return value }
            index = Self.pastComma(bytes, value.bytes.endIndex)
        }
        return nil
    }

    /// Of an array; empty when this is none.
    public var elements: [RawJSON] {
        guard bytes.first == UInt8(ascii: "[") else { return [] }
        var elements: [RawJSON] = []
        var index = Self.pastSpace(bytes, bytes.startIndex + 1)
        while index < bytes.endIndex, bytes[index] != UInt8(ascii: "]") {
            let element = RawJSON(bytes, at: index)
            guard !element.bytes.isEmpty else { break }
            elements.append(element)
            index = Self.pastComma(bytes, element.bytes.endIndex)
        }
        return elements
    }

    /// - Parameter quoted: a name with its quotes, and maybe escapes.
    private static func isName(_ quoted: ArraySlice<UInt8>, _ name: String) -> Bool {
        guard quoted.contains(UInt8(ascii: "\\")) else { return quoted.dropFirst().dropLast().elementsEqual(name.utf8) }
        return (try? JSON(parsing: Array(quoted)))?.string == name
    }

    private static func pastSpace(_ bytes: ArraySlice<UInt8>, _ start: Int) -> Int {
        bytes[min(start, bytes.endIndex)...].firstIndex { $0 > 0x20 } ?? bytes.endIndex
    }

    private static func pastComma(_ bytes: ArraySlice<UInt8>, _ start: Int) -> Int {
        let index = pastSpace(bytes, start)
        guard index < bytes.endIndex, bytes[index] == UInt8(ascii: ",") else { return index }
        return pastSpace(bytes, index + 1)
    }

    /// Where the value ends that begins at `start`.
    private static func end(_ bytes: ArraySlice<UInt8>, _ start: Int) -> Int {
        var (index, depth) = (start, 0)
        while index < bytes.endIndex {
            switch bytes[index] {
            case UInt8(ascii: "\""):
                index += 1
                while index < bytes.endIndex, bytes[index] != UInt8(ascii: "\"") {
                    index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
                }
                if depth == 0 { return min(index + 1, bytes.endIndex) }
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return index }
                depth -= 1
                if depth == 0 { return index + 1 }
            case UInt8(ascii: ","), ...0x20:
                if depth == 0 { return index }
            default: break
            }
            index += 1
        }
        return bytes.endIndex
    }
}
