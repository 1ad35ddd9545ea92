/// A number whose digits are known, and are written as they are: money, which no `Double` holds exactly.
public struct JSONDecimal: JSONWritable, Sendable {
    private let text: String

    /// - Parameter text: a number as JSON has it.
    public init(_ text: String) { self.text = text }

    public func write(to buffer: inout JSONBuffer) { buffer.append(verbatim: text) }
}

/// A number with three digits after the point at the most, counted in thousandths.
public struct JSONThousandths: JSONWritable, Sendable {
    private let count: Int

    public init(_ count: Int) { self.count = count }

    public func write(to buffer: inout JSONBuffer) {
        if count < 0, count > -1_000 { buffer.append("-") }
        buffer.append(Int64(count / 1_000))
        var rest = Int64((count % 1_000).magnitude)
        guard rest > 0 else { return }
        buffer.append(rest < 10 ? ".00" : rest < 100 ? ".0" : ".")
        while rest % 10 == 0 { rest /= 10 }
        buffer.append(rest)
    }
}
