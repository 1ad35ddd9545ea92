/// JSON text under construction: one run of memory that grows, and how to spell a scalar in it.
public struct JSONBuffer: ~Copyable {
    private var memory: UnsafeMutableBufferPointer<UInt8>
    private var count = 0
    private let escapes: JSONEscapes

    /// - Parameter capacity: bytes to set aside; with zero no memory is taken yet.
    init(capacity: Int, _ escapes: JSONEscapes) {
        self.escapes = escapes
        memory = capacity > 0 ? .allocate(capacity: capacity) : UnsafeMutableBufferPointer(start: nil, count: 0)
    }

    deinit { memory.deallocate() }

    /// Moves the text out, so that the writer of a nested value appends in place.
    mutating func taken() -> JSONBuffer {
        var taken = JSONBuffer(capacity: 0, escapes)
        swap(&taken, &self)
        return taken
    }

    var bytes: [UInt8] { Array(memory[..<count]) }

    mutating func append(_ ascii: StaticString) {
        append(UnsafeRawBufferPointer(start: ascii.utf8Start, count: ascii.utf8CodeUnitCount))
    }

    /// JSON that is there already. What ``JSONEscapes/forPages`` escapes is in its strings only.
    mutating func append(verbatim text: String) {
        var text = text
        text.withUTF8 { text in
            guard escapes == .forPages, text.contains(where: Self.isOfPages) else {
                return append(UnsafeRawBufferPointer(text))
            }
            reserve(text.count)
            let text = UnsafeRawBufferPointer(text)
            var index = 0
            while index < text.count { index += put(text, index, isPlain: !Self.isOfPages(text[index])) }
        }
    }

    mutating func append(quoting text: String) {
        var text = text
        text.withUTF8 { text in
            reserve(text.count + 2)
            put(UInt8(ascii: "\""))
            escape(UnsafeRawBufferPointer(text))
            put(UInt8(ascii: "\""))
        }
    }

    /// A name that was written in the program: it needs no escape.
    mutating func append(name: StaticString) {
        let length = name.utf8CodeUnitCount
        reserve(length + 3)
        put(UInt8(ascii: "\""))
        copy(UnsafeRawBufferPointer(start: name.utf8Start, count: length))
        put(UInt8(ascii: "\""))
        put(UInt8(ascii: ":"))
    }

    mutating func append(_ number: Int64) {
        reserve(20)
        var digits = 1
        var rest = number.magnitude
        while rest >= 10 {
            rest /= 10
            digits += 1
        }
        if number < 0 { put(UInt8(ascii: "-")) }
        count += digits
        rest = number.magnitude
        for place in 1...digits {
            memory[count - place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
    }

    private mutating func append(_ bytes: UnsafeRawBufferPointer) {
        reserve(bytes.count)
        copy(bytes)
    }

    /// Eight bytes at a time where none of them needs an escape. There is room for all of the text and one byte more, the
    /// closing quote.
    private mutating func escape(_ text: UnsafeRawBufferPointer) {
        let isForPages = escapes == .forPages
        var index = 0
        while index < text.count {
            if index + 8 <= text.count {
                let word = text.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                if isForPages ? PlainRun.isPlainForPages(word) : PlainRun.isPlain(word) {
                    UnsafeMutableRawBufferPointer(memory).storeBytes(of: word, toByteOffset: count, as: UInt64.self)
                    count += 8
                    index += 8
                    continue
                }
            }
            let byte = text[index]
            index += put(text, index, isPlain: PlainRun.isPlain(byte) && !(isForPages && Self.isOfPages(byte)))
        }
    }

    /// One byte as it is, or escaped; or the three of U+2028 and U+2029.
    ///
    /// - Returns: how many of the text's bytes that was.
    private mutating func put(_ text: UnsafeRawBufferPointer, _ index: Int, isPlain: Bool) -> Int {
        let byte = text[index]
        if isPlain {
            put(byte)
            return 1
        }
        let isSeparator = byte == 0xE2
        guard !isSeparator || (index + 2 < text.count && text[index + 1] == 0x80 && text[index + 2] & 0xFE == 0xA8)
        else {
            put(byte)
            return 1
        }
        // The longest escape has six bytes.
        reserve(text.count - index + 7)
        if isSeparator {
            for byte in [0x5C, 0x75, 0x32, 0x30, 0x32, UInt8(ascii: "8") + text[index + 2] & 1] { put(byte) }
            return 3
        }
        put(escaping: byte)
        return 1
    }

    /// `<`, `>`, `&`, and what U+2028 and U+2029 begin with.
    private static func isOfPages(_ byte: UInt8) -> Bool { byte | 2 == 0x3E || byte == 0x26 || byte == 0xE2 }

    private mutating func put(escaping byte: UInt8) {
        put(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): put(byte)
        case 0x08: put(UInt8(ascii: "b"))
        case 0x09: put(UInt8(ascii: "t"))
        case 0x0A: put(UInt8(ascii: "n"))
        case 0x0C: put(UInt8(ascii: "f"))
        case 0x0D: put(UInt8(ascii: "r"))
        default:
            for digit in [UInt8(ascii: "u"), UInt8(ascii: "0"), UInt8(ascii: "0")] { put(digit) }
            put(UInt8(ascii: "0") + byte >> 4)
            put(Self.hexadecimal(byte & 0xF))
        }
    }

    private static func hexadecimal(_ digit: UInt8) -> UInt8 {
        digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
    }

    private mutating func put(_ byte: UInt8) {
        memory[count] = byte
        count += 1
    }

    private mutating func copy(_ bytes: UnsafeRawBufferPointer) {
        UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(memory)[count...]).copyMemory(from: bytes)
        count += bytes.count
    }

    private mutating func reserve(_ more: Int) {
        if count + more > memory.count { grow(count + more) }
    }

    @inline(never)
    private mutating func grow(_ needed: Int) {
        let larger = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(needed, 2 * memory.count, 64))
        _ = larger.update(fromContentsOf: memory[..<count])
        memory.deallocate()
        memory = larger
    }
}
