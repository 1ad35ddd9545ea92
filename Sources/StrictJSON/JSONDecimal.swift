/// A number whose digits are known, and are written as they are: money, which no `Double` holds exactly.
public struct JSONDecimal: JSONWritable, Sendable {
    private let text: String

    /// - Parameter text: a number as JSON has it.
    public init(_ text: String) { self.text = text }

    public func write(to buffer: inout JSONBuffer) { buffer.append(verbatim: text) }
}
