/// Writes JSON text straight into bytes: commas and escapes take care of themselves, and no string is built on the way.
///
///     let reply = JSONWriter.object { json in
///         json.member("model", "echo")
///         json.array("choices") { $0.object { $0.member("index", 0) } }
///     }
///
/// A member's name is a literal without anything to escape; one that is only known when the program runs goes through
/// ``Members/member(named:_:)``. A name written twice is the caller's mistake and is not looked for. A `Double` that JSON cannot say (NaN, infinity)
/// becomes `null`.
///
/// What `<script>` and old browsers take for more than text is escaped too, ``JSONEscapes/forPages``, unless the caller
/// wants the bytes plain.
public enum JSONWriter {
    /// One object as a whole text.
    ///
    /// - Parameters:
    ///   - prefix: what stands before it, such as `data: `.
    ///   - suffix: what follows it, such as the end of the line.
    ///   - capacity: bytes to set aside; more are taken as needed.
    public static func object<E: Error>(
        after prefix: StaticString = "", before suffix: StaticString = "", capacity: Int = 512,
        escapes: JSONEscapes = .forPages, _ body: (inout Members) throws(E) -> Void
    ) throws(E) -> [UInt8] {
        var buffer = JSONBuffer(capacity: capacity, escapes)
        buffer.append(prefix)
        return try object(after: buffer, before: suffix, body)
    }

    /// One object after a text with a number in it.
    ///
    /// - Parameter middle: what stands between the number and the object.
    public static func object<E: Error>(
        after prefix: StaticString, _ number: Int, _ middle: StaticString, before suffix: StaticString,
        capacity: Int = 512, _ body: (inout Members) throws(E) -> Void
    ) throws(E) -> [UInt8] {
        var buffer = JSONBuffer(capacity: capacity, .forPages)
        buffer.append(prefix)
        buffer.append(Int64(number))
        buffer.append(middle)
        return try object(after: buffer, before: suffix, body)
    }

    private static func object<E: Error>(
        after buffer: consuming JSONBuffer, before suffix: StaticString, _ body: (inout Members) throws(E) -> Void
    ) throws(E) -> [UInt8] {
        var members = Members(buffer)
        try body(&members)
        var text = members.closed()
        text.append(suffix)
        return text.bytes
    }

    /// One array as a whole text.
    ///
    /// - Parameter capacity: bytes to set aside; more are taken as needed.
    public static func array<E: Error>(capacity: Int = 512, _ body: (inout Elements) throws(E) -> Void) throws(E)
        -> [UInt8]
    {
        var elements = Elements(JSONBuffer(capacity: capacity, .forPages))
        try body(&elements)
        return elements.closed().bytes
    }

    /// One value as a whole text.
    public static func value(_ value: some JSONWritable, escapes: JSONEscapes = .forPages) -> [UInt8] {
        var buffer = JSONBuffer(capacity: 64, escapes)
        value.write(to: &buffer)
        return buffer.bytes
    }

    /// The members of an object that is being written.
    public struct Members: ~Copyable {
        private var buffer: JSONBuffer
        private var isFirst = true

        fileprivate init(_ buffer: consuming JSONBuffer) {
            self.buffer = buffer
            self.buffer.append("{")
        }

        fileprivate consuming func closed() -> JSONBuffer {
            buffer.append("}")
            return buffer
        }

        public mutating func member(_ name: StaticString, _ value: some JSONWritable) {
            begin(name)
            value.write(to: &buffer)
        }

        /// For a name that is no literal.
        public mutating func member(named name: String, _ value: some JSONWritable) {
            separate()
            buffer.append(quoting: name)
            buffer.append(":")
            value.write(to: &buffer)
        }

        // What most members are, without the way over the protocol: a page of history takes half the time.

        public mutating func member(_ name: StaticString, _ value: String) {
            begin(name)
            buffer.append(quoting: value)
        }

        public mutating func member(_ name: StaticString, _ value: String?) {
            begin(name)
            value.write(to: &buffer)
        }

        public mutating func member(_ name: StaticString, _ value: Int) {
            begin(name)
            buffer.append(Int64(value))
        }

        public mutating func member(_ name: StaticString, _ value: Bool) {
            begin(name)
            buffer.append(value ? "true" : "false")
        }

        public mutating func object<E: Error>(_ name: StaticString, _ body: (inout Members) throws(E) -> Void) throws(E)
        {
            begin(name)
            var members = Members(buffer.taken())
            try body(&members)
            buffer = members.closed()
        }

        public mutating func array<E: Error>(_ name: StaticString, _ body: (inout Elements) throws(E) -> Void) throws(E)
        {
            begin(name)
            var elements = Elements(buffer.taken())
            try body(&elements)
            buffer = elements.closed()
        }

        private mutating func begin(_ name: StaticString) {
            separate()
            buffer.append(name: name)
        }

        private mutating func separate() {
            if !isFirst { buffer.append(",") }
            isFirst = false
        }
    }

    /// The elements of an array that is being written.
    public struct Elements: ~Copyable {
        private var buffer: JSONBuffer
        private var isFirst = true

        fileprivate init(_ buffer: consuming JSONBuffer) {
            self.buffer = buffer
            self.buffer.append("[")
        }

        fileprivate consuming func closed() -> JSONBuffer {
            buffer.append("]")
            return buffer
        }

        public mutating func element(_ value: some JSONWritable) {
            begin()
            value.write(to: &buffer)
        }

        public mutating func object<E: Error>(_ body: (inout Members) throws(E) -> Void) throws(E) {
            begin()
            var members = Members(buffer.taken())
            try body(&members)
            buffer = members.closed()
        }

        public mutating func array<E: Error>(_ body: (inout Elements) throws(E) -> Void) throws(E) {
            begin()
            var elements = Elements(buffer.taken())
            try body(&elements)
            buffer = elements.closed()
        }

        private mutating func begin() {
            if !isFirst { buffer.append(",") }
            isFirst = false
        }
    }
}
