/// A JSON schema (draft 2020-12, which OpenAPI 3.1 has) of a part of the contract.
///
/// The schema of a reply stands beside the code that writes it, and that of a request beside the code that reads it.
/// Objects are open: a later version may add members, and a client must let them pass. The tests close them, so that no
/// reply has a member that is not described.
struct Schema: Sendable {
    private(set) var json: OrderedJSON

    init(_ json: OrderedJSON) { self.json = json }

    private init(type: String, _ description: String) {
        json = ["type": .string(type)]
        json.add("description", description.isEmpty ? nil : .string(description))
    }

    static func text(
        _ description: String = "", pattern: String? = nil, length: ClosedRange<Int>? = nil, format: String? = nil,
        example: String? = nil
    ) -> Schema {
        var schema = Schema(type: "string", description)
        schema.json.add("format", format.map { .string($0) })
        schema.json.add("pattern", pattern.map { .string($0) })
        schema.json.add("minLength", length.flatMap { $0.lowerBound > 0 ? .int($0.lowerBound) : nil })
        schema.json.add("maxLength", length.flatMap { $0.upperBound < .max ? .int($0.upperBound) : nil })
        schema.json.add("examples", example.map { [.string($0)] })
        return schema
    }

    /// One of these words.
    static func word(_ description: String = "", _ words: [String]) -> Schema {
        var schema = Schema(type: "string", description)
        if words.count == 1 {
            schema.json.add("const", .string(words[0]))
        } else {
            schema.json.add("enum", .array(words.map { .string($0) }))
        }
        return schema
    }

    static func time(_ description: String) -> Schema {
        text(description, pattern: #"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$"#, format: "date-time")
    }

    static func whole(
        _ description: String = "", _ range: ClosedRange<Int> = 0 ... .max, standard: Int? = nil
    ) -> Schema { number("integer", description, range, standard: standard) }

    static func number(_ description: String = "", _ range: ClosedRange<Int> = 0 ... .max) -> Schema {
        number("number", description, range, standard: nil)
    }

    private static func number(
        _ type: String, _ description: String, _ range: ClosedRange<Int>, standard: Int?
    ) -> Schema {
        var schema = Schema(type: type, description)
        schema.json.add("minimum", range.lowerBound > .min ? .int(range.lowerBound) : nil)
        schema.json.add("maximum", range.upperBound < .max ? .int(range.upperBound) : nil)
        schema.json.add("default", standard.map { .int($0) })
        return schema
    }

    static func flag(_ description: String, standard: Bool? = nil) -> Schema {
        var schema = Schema(type: "boolean", description)
        schema.json.add("default", standard.map { .bool($0) })
        return schema
    }

    static func list(_ description: String = "", of element: Schema, _ count: ClosedRange<Int>? = nil) -> Schema {
        var schema = Schema(type: "array", description)
        schema.json.add("items", element.json)
        schema.json.add("minItems", count.flatMap { $0.lowerBound > 0 ? .int($0.lowerBound) : nil })
        schema.json.add("maxItems", count.flatMap { $0.upperBound < .max ? .int($0.upperBound) : nil })
        return schema
    }

    /// The members of an object, in their order.
    struct Members: Sendable, ExpressibleByDictionaryLiteral {
        private(set) var all: [(name: String, schema: Schema)]

        init(dictionaryLiteral elements: (String, Schema)...) { all = elements.map { ($0, $1) } }

        static func + (first: Members, second: Members) -> Members {
            var members = first
            members.all += second.all
            return members
        }
    }

    /// An object.
    ///
    /// - Parameters:
    ///   - optional: members that may be left out; all others are always there.
    ///   - isClosed: whether any other member is refused.
    static func record(
        _ description: String, _ members: Members, optional: [String] = [], isClosed: Bool = false
    ) -> Schema {
        var schema = Schema(type: "object", description)
        let names = members.all.map(\.name).filter { !optional.contains($0) }
        schema.json.add("required", .array(names.map { .string($0) }))
        schema.json.add("properties", .object(members.all.map { OrderedJSON.Member(name: $0, value: $1.json) }))
        schema.json.add("additionalProperties", isClosed ? false : nil)
        return schema
    }

    static func record(_ members: Members, optional: [String] = [], isClosed: Bool = false) -> Schema {
        record("", members, optional: optional, isClosed: isClosed)
    }

    static func one(_ description: String = "", of schemas: [Schema]) -> Schema {
        var schema = Schema(.object([]))
        schema.json.add("description", description.isEmpty ? nil : .string(description))
        schema.json.add("oneOf", .array(schemas.map(\.json)))
        return schema
    }

    static func reference(_ component: Component, _ description: String = "") -> Schema {
        var schema = Schema(["$ref": .string("#/components/schemas/" + component.rawValue)])
        schema.json.add("description", description.isEmpty ? nil : .string(description))
        return schema
    }

    /// The text of a JSON value that has that schema, in a server-sent event.
    static func encoded(_ schema: Schema, _ description: String = "") -> Schema {
        Schema(type: "string", description).with("contentMediaType", "application/json")
            .with("contentSchema", schema.json)
    }

    /// The same, or null.
    var orNull: Schema {
        guard case .object(var members) = json else { return self }
        guard let place = members.firstIndex(where: { $0.name == "type" }) else {
            return Schema(["anyOf": [json, ["type": "null"]]])
        }
        members[place] = OrderedJSON.Member(name: "type", value: [members[place].value, "null"])
        if let place = members.firstIndex(where: { $0.name == "enum" }), case .array(let words) = members[place].value {
            members[place] = OrderedJSON.Member(name: "enum", value: .array(words + [nil]))
        }
        return Schema(.object(members))
    }

    func with(_ keyword: String, _ value: OrderedJSON) -> Schema {
        var schema = self
        schema.json.add(keyword, value)
        return schema
    }
}
