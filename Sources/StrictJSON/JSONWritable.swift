/// What ``JSONWriter`` can write as one JSON value.
public protocol JSONWritable {
    func write(to buffer: inout JSONBuffer)
}

extension String: JSONWritable {
    public func write(to buffer: inout JSONBuffer) { buffer.append(quoting: self) }
}

extension Bool: JSONWritable {
    public func write(to buffer: inout JSONBuffer) { buffer.append(self ? "true" : "false") }
}

extension Int: JSONWritable {
    public func write(to buffer: inout JSONBuffer) { buffer.append(Int64(self)) }
}

extension Int64: JSONWritable {
    public func write(to buffer: inout JSONBuffer) { buffer.append(self) }
}

extension Double: JSONWritable {
    /// The fewest digits that read back as the same number; always with a point or an exponent.
    public func write(to buffer: inout JSONBuffer) {
        isFinite ? buffer.append(verbatim: description) : buffer.append("null")
    }
}

extension Optional: JSONWritable where Wrapped: JSONWritable {
    /// Nil is `null`.
    public func write(to buffer: inout JSONBuffer) {
        if let self { self.write(to: &buffer) } else { buffer.append("null") }
    }
}

extension JSON: JSONWritable {
    /// Members in the order of their names, so that equal values give equal bytes.
    public func write(to buffer: inout JSONBuffer) {
        switch self {
        case .null: buffer.append("null")
        case .bool(let value): value.write(to: &buffer)
        case .int(let value): value.write(to: &buffer)
        case .double(let value): value.write(to: &buffer)
        case .string(let value): value.write(to: &buffer)
        case .array(let elements):
            buffer.append("[")
            for (index, element) in elements.enumerated() {
                if index > 0 { buffer.append(",") }
                element.write(to: &buffer)
            }
            buffer.append("]")
        case .object(let members):
            buffer.append("{")
            for (index, member) in members.sorted(by: { $0.key < $1.key }).enumerated() {
                if index > 0 { buffer.append(",") }
                buffer.append(quoting: member.key)
                buffer.append(":")
                member.value.write(to: &buffer)
            }
            buffer.append("}")
        }
    }
}
