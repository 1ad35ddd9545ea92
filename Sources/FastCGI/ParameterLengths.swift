/// A look at the lengths that stand before each name and value of PARAMS (FastCGI 1.0, section 3.4), over all of its records:
/// libfcgi makes room for what they announce, and ends the process where there is none.
struct ParameterLengths {
    /// The most bytes of a name and its value together; nginx has 32 KiB for all headers.
    private static let most = 1 << 20

    /// Of the pair whose lengths have not all come.
    private var head: [UInt8] = []
    /// Bytes of the last pair that are to come still.
    private var left = 0

    /// - Parameter bytes: the content of the next record.
    /// - Returns: false for a pair that is longer than any.
    mutating func accept(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var rest = bytes[...]
        while let first = rest.first {
            if left > 0 {
                let count = min(left, rest.count)
                rest = rest.dropFirst(count)
                left -= count
                continue
            }
            head.append(first)
            rest = rest.dropFirst()
            guard let pair = length else { continue }
            guard pair <= Self.most else { return false }
            left = pair
            head.removeAll(keepingCapacity: true)
        }
        return true
    }

    /// Of name and value; nil as long as it is not known.
    private var length: Int? {
        guard let name = Self.length(in: head[...]), let value = Self.length(in: head[name.end...]) else { return nil }
        return name.length + value.length
    }

    /// One byte, or four whose first bit is set.
    private static func length(in bytes: ArraySlice<UInt8>) -> (length: Int, end: Int)? {
        guard let first = bytes.first else { return nil }
        if first < 0x80 { return (Int(first), bytes.startIndex + 1) }
        guard bytes.count >= 4 else { return nil }
        let length = bytes.prefix(4).reduce(0) { $0 << 8 | Int($1) } & 0x7FFF_FFFF
        return (length, bytes.startIndex + 4)
    }
}
