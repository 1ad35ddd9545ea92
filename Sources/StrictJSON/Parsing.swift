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
            let bytes = UnsafeRawBufferPointer(buffer)
            try Preflight.check(bytes)
            return try Document(bytes, strictness).value()
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

    func value() throws(JSONError) -> JSON { try value(root) }

    private func value(_ node: UnsafeMutablePointer<json_t>) throws(JSONError) -> JSON {
        switch json_type(rawValue: UInt32(cjansson_type(node))) {
        case JSON_OBJECT: return .object(try members(node))
        case JSON_ARRAY: return .array(try elements(node))
        case JSON_STRING: return .string(Self.text(json_string_value(node), json_string_length(node)))
        case JSON_INTEGER: return .int(Int64(json_integer_value(node)))
        case JSON_REAL: return number(json_real_value(node))
        case JSON_TRUE: return .bool(true)
        case JSON_FALSE: return .bool(false)
        default: return .null
        }
    }

    private func elements(_ node: UnsafeMutablePointer<json_t>) throws(JSONError) -> [JSON] {
        var elements: [JSON] = []
        let count = json_array_size(node)
        elements.reserveCapacity(count)
        for index in 0..<count {
            guard let element = json_array_get(node, index) else { continue }
            elements.append(try value(element))
        }
        return elements
    }

    private func members(_ node: UnsafeMutablePointer<json_t>) throws(JSONError) -> [String: JSON] {
        var members: [String: JSON] = [:]
        members.reserveCapacity(json_object_size(node))
        var position = json_object_iter(node)
        while let here = position {
            let name = Self.text(json_object_iter_key(here), json_object_iter_key_len(here))
            if let member = json_object_iter_value(here) {
                let previous = members.updateValue(try value(member), forKey: name)
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

    private static func text(_ start: UnsafePointer<CChar>?, _ length: Int) -> String {
        String(decoding: UnsafeRawBufferPointer(start: start, count: length), as: UTF8.self)
    }
}
