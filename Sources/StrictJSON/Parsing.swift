internal import CJansson

extension JSON {
    /// What a text may have that RFC 8259 leaves to the reader.
    public enum Strictness: Sendable {
        /// Nothing.
        case strict
        /// For the replies of other programs, of which a few members are read: of members with one name the last counts,
        /// an integer beyond `Int64` is a `.double`, and a number without a fraction is an `.int` however it is written.
        case tolerant
    }

    /// Reads one JSON text.
    ///
    /// - Throws: ``JSONError`` when the bytes are anything but one whole JSON text.
    public init(parsing bytes: [UInt8], _ strictness: Strictness = .strict) throws(JSONError) {
        self = try bytes.withUnsafeBufferPointer { (buffer) throws(JSONError) in
            try JSON(parsing: UnsafeRawBufferPointer(buffer), strictness)
        }
    }

    /// Reads one JSON text; offsets in errors count from the slice's start.
    public init(parsing bytes: ArraySlice<UInt8>) throws(JSONError) {
        self = try bytes.withUnsafeBufferPointer { (buffer) throws(JSONError) in
            try JSON(parsing: UnsafeRawBufferPointer(buffer))
        }
    }

    /// Reads one JSON text from memory that stays valid for the call.
    public init(parsing bytes: UnsafeRawBufferPointer, _ strictness: Strictness = .strict) throws(JSONError) {
        try Preflight.check(bytes)
        do throws(JSONError) {
            self = try Document(bytes, strictness).value(restoring: nil)
        } catch {
            // The parser keeps names as C strings. Let another character stand in for U+0000 and put it back after.
            guard error.isAboutNulInName, let substitute = NulSubstitute(in: bytes) else { throw error }
            self = try substitute.text.withUnsafeBufferPointer { (text) throws(JSONError) in
                try Document(UnsafeRawBufferPointer(text), strictness).value(restoring: substitute.scalar)
            }
        }
    }
}

/// A parsed text in the parser's own memory, freed with this value.
private struct Document: ~Copyable {
    private let root: UnsafeMutablePointer<json_t>
    private let strictness: JSON.Strictness

    /// The parser seeds its hash tables at first use, which two threads must not do at once.
    private static let seeded: Void = json_object_seed(0)

    init(_ bytes: UnsafeRawBufferPointer, _ strictness: JSON.Strictness) throws(JSONError) {
        _ = Self.seeded
        guard let start = bytes.baseAddress, !bytes.isEmpty else {
            throw JSONError("unexpected end", near: 0)
        }
        var error = json_error_t()
        // The parser takes either every integer for a real number, or none.
        let rules = strictness == .strict ? JSON_REJECT_DUPLICATES : JSON_DECODE_INT_AS_REAL
        let flags = Int(rules | JSON_DECODE_ANY | JSON_ALLOW_NUL)
        guard let root = json_loadb(start.assumingMemoryBound(to: CChar.self), bytes.count, flags, &error) else {
            throw JSONError(error, length: bytes.count)
        }
        self.root = root
        self.strictness = strictness
    }

    deinit { json_decref(root) }

    /// - Parameter substitute: the character that stands for U+0000.
    func value(restoring substitute: Unicode.Scalar?) throws(JSONError) -> JSON {
        try value(root, substitute)
    }

    private func value(_ node: UnsafeMutablePointer<json_t>, _ substitute: Unicode.Scalar?) throws(JSONError)
        -> JSON
    {
        switch json_type(rawValue: UInt32(cjansson_type(node))) {
        case JSON_OBJECT: return .object(try members(node, substitute))
        case JSON_ARRAY: return .array(try elements(node, substitute))
        case JSON_STRING: return .string(Self.text(json_string_value(node), json_string_length(node), substitute))
        case JSON_INTEGER: return .int(Int64(json_integer_value(node)))
        case JSON_REAL: return number(json_real_value(node))
        case JSON_TRUE: return .bool(true)
        case JSON_FALSE: return .bool(false)
        default: return .null
        }
    }

    private func elements(_ node: UnsafeMutablePointer<json_t>, _ substitute: Unicode.Scalar?) throws(JSONError)
        -> [JSON]
    {
        var elements: [JSON] = []
        let count = json_array_size(node)
        elements.reserveCapacity(count)
        for index in 0..<count {
            guard let element = json_array_get(node, index) else { continue }
            elements.append(try value(element, substitute))
        }
        return elements
    }

    private func members(_ node: UnsafeMutablePointer<json_t>, _ substitute: Unicode.Scalar?) throws(JSONError)
        -> [String: JSON]
    {
        var members: [String: JSON] = [:]
        members.reserveCapacity(json_object_size(node))
        var position = json_object_iter(node)
        while let here = position {
            let name = Self.text(json_object_iter_key(here), json_object_iter_key_len(here), substitute)
            if let member = json_object_iter_value(here) {
                let previous = members.updateValue(try value(member, substitute), forKey: name)
                guard previous == nil || strictness == .tolerant else { throw .equivalentNames }
            }
            position = json_object_iter_next(node, here)
        }
        return members
    }

    private func number(_ real: Double) -> JSON {
        guard strictness == .tolerant, let whole = Int64(exactly: real), whole.magnitude < 1 << 53 else {
            return .double(real)
        }
        return .int(whole)
    }

    private static func text(_ start: UnsafePointer<CChar>?, _ length: Int, _ substitute: Unicode.Scalar?) -> String {
        let bytes = UnsafeRawBufferPointer(start: start, count: length)
        let text = String(decoding: bytes, as: UTF8.self)
        guard let substitute, text.unicodeScalars.contains(substitute) else { return text }
        var restored = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { restored.append(scalar == substitute ? "\0" : scalar) }
        return String(restored)
    }
}
