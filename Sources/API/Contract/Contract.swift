import StrictJSON

/// Parley's HTTP contract as a document: OpenAPI 3.1 (spec.openapis.org), made from the table that serves requests.
///
///     Route.table ─→ paths: who may use it, what any request may be told
///     Operation   ─→ what it takes and gives (each entry of the table has one)
///     Schema      ─→ components: the objects, described beside the code that reads and writes them
///
/// It says nothing of one deployment: limits that are settings are named with their defaults, in words.
public enum Contract {
    /// The document as a text, the same for each run of a program.
    ///
    /// - Parameter version: the program's.
    public static func document(version: String) -> [UInt8] {
        let document: OrderedJSON = [
            "openapi": "3.1.0",
            "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
            "info": [
                "title": "Parley", "version": .string(version), "summary": "A chat API server.",
                "description": .string(introduction),
            ],
            "servers": [["url": "/"]],
            "tags": .array(
                Operation.Tag.allCases.map {
                    ["name": .string($0.rawValue), "description": .string(description(of: $0))]
                }),
            "paths": paths,
            "components": [
                "securitySchemes": securitySchemes,
                "schemas": object(Component.allCases) { ($0.rawValue, $0.schema.json) },
                "responses": object(dialects.flatMap { dialect in ErrorStatus.allCases.map { ($0, dialect) } }) {
                    ($0.name(in: $1), response($0, $1))
                },
                "headers": object(Header.allCases) { ($0.rawValue, $0.json) },
            ],
        ]
        return document.text
    }

    private static let dialects: [any Dialect.Type] = [ChatDialect.self, CompletionDialect.self]

    private static func object<Element>(
        _ elements: [Element], _ member: (Element) -> (name: String, value: OrderedJSON)
    ) -> OrderedJSON {
        .object(elements.map(member).map { OrderedJSON.Member(name: $0.name, value: $0.value) })
    }

    /// In the order of the table; several methods at one path stand together.
    private static var paths: OrderedJSON {
        let table = Route.table.filter { $0.operation != nil }
        let paths = table.map(\.path)
        let unique = paths.indices.filter { paths[..<$0].firstIndex(of: paths[$0]) == nil }.map { paths[$0] }
        return object(unique) { path in
            (path, object(table.filter { $0.path == path }) { ($0.method.lowercased(), operation(of: $0)) })
        }
    }

    private static func operation(of route: Route) -> OrderedJSON {
        guard let operation = route.operation?() else { return [:] }
        var json: OrderedJSON = [
            "operationId": .string(operation.id), "tags": [.string(operation.tag.rawValue)],
            "summary": .string(operation.summary), "description": .string(operation.description),
            "security": security(of: route.handler),
        ]
        json.add("parameters", .array(operation.parameters.map(parameter)))
        if let body = operation.body {
            json.add("requestBody", ["required": true, "content": contents([body])])
        }
        let replies = operation.replies.map { ($0.status, reply($0)) }
        let errors = ErrorStatus.all(of: route, operation).map { status, description in
            var json: OrderedJSON = [
                "$ref": .string("#/components/responses/" + status.name(in: route.dialect))
            ]
            json.add("description", description.isEmpty ? nil : .string(description))
            return (status.rawValue, json)
        }
        json.add("responses", object((replies + errors).sorted { $0.0 < $1.0 }) { (String($0), $1) })
        return json
    }

    private static func parameter(_ parameter: Operation.Parameter) -> OrderedJSON {
        var json: OrderedJSON = ["name": .string(parameter.name), "in": .string(parameter.place.rawValue)]
        json.add("required", parameter.place == .path ? true : nil)
        json.add("description", .string(parameter.description))
        // It counts as absent.
        json.add("allowEmptyValue", parameter.place == .query ? true : nil)
        json.add("schema", parameter.schema.json)
        json.add("example", parameter.example)
        return json
    }

    private static func reply(_ reply: Operation.Reply) -> OrderedJSON {
        var json: OrderedJSON = [
            "description": .string(reply.description),
            "headers": object([.requestID] + reply.headers) { ($0.rawValue, $0.reference) },
        ]
        json.add("content", contents(reply.contents))
        return json
    }

    private static func response(_ status: ErrorStatus, _ dialect: any Dialect.Type) -> OrderedJSON {
        let schema: Schema = .reference(dialect == CompletionDialect.self ? .openAIError : .error)
        let example: KeyValuePairs = ["An example": status.example(in: dialect)]
        let headers = [.requestID] + status.headers(in: dialect) + (status == .tooMany ? Header.rates : [])
        return [
            "description": .string(status.description), "headers": object(headers) { ($0.rawValue, $0.reference) },
            "content": contents([Operation.Content(schema: schema, examples: example)]),
        ]
    }

    private static func contents(_ contents: [Operation.Content]) -> OrderedJSON {
        object(contents) { content in
            var json: OrderedJSON = ["schema": content.schema.json]
            json.add(
                "examples",
                object(content.examples.map { $0 }) { title, value in (title, ["value": value]) })
            return (content.type, json)
        }
    }
}
