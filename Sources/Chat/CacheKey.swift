import Crypto

/// Everything that decides an answer, in one canonical form, and its SHA-256.
///
/// Each part is preceded by its length, so no two different requests have the same form.
public struct CacheKey: Sendable, Hashable {
    /// 32 bytes.
    public let digest: [UInt8]
    /// What was hashed: a hit is used only when its stored form equals this one.
    public let canonical: [UInt8]

    /// - Parameters:
    ///   - scope: whose cache: a session's name, a user's, or one for all.
    ///   - models: what can answer, in the order of fallback.
    public init(_ request: ModelRequest, scope: String, models: String) {
        var form = CanonicalForm(
            capacity: 256 + request.messages.reduce(0) { $0 + $1.text.utf8.count + 32 })
        form.append("parley-answer-2")
        form.append(scope)
        form.append(models)
        form.append(request.model ?? "")
        form.append(request.temperature)
        form.append(UInt64(request.maxTokens))
        form.append(UInt64(request.messages.count))
        for message in request.messages {
            form.append(message.role.rawValue)
            form.append(message.text)
        }
        form.append(request.sampling)
        form.append(request.tools)
        if let models = request.models { form.append("models", models) }
        for (index, message) in request.messages.enumerated() {
            if let name = message.name { form.append("name", of: index, name) }
            if let calls = message.toolCalls { form.append("tool_calls", of: index, calls) }
            if let id = message.toolCallID { form.append("tool_call_id", of: index, id) }
        }
        canonical = form.bytes
        digest = Array(SHA256.hash(data: form.bytes))
    }

    /// A part of the digest is as good as all that it was made of.
    public func hash(into hasher: inout Hasher) {
        digest.withUnsafeBytes { hasher.combine($0.loadUnaligned(as: UInt64.self)) }
    }
}

private struct CanonicalForm {
    var bytes: [UInt8] = []

    init(capacity: Int) { bytes.reserveCapacity(capacity) }

    mutating func append(_ text: String) {
        append(UInt64(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    /// No number that a request can have is the one that stands for none.
    mutating func append(_ number: Double?) { append(number?.bitPattern ?? .max) }

    /// Every one that is there after its name, so that a request without any has the same form whatever there is to choose.
    mutating func append(_ sampling: Sampling) {
        func number(_ name: String, _ value: Double?) {
            guard let value else { return }
            append(name)
            append(value.bitPattern)
        }
        func text(_ name: String, _ value: String?) {
            guard let value else { return }
            append(name)
            append(value)
        }
        number("top_p", sampling.topP)
        for stop in sampling.stop { text("stop", stop) }
        if let seed = sampling.seed { text("seed", String(seed)) }
        number("presence_penalty", sampling.presencePenalty)
        number("frequency_penalty", sampling.frequencyPenalty)
        text("reasoning_effort", sampling.reasoningEffort)
        text("verbosity", sampling.verbosity)
        switch sampling.format {
        case nil: break
        case .jsonObject: append("json_object")
        case .jsonSchema(let schema): text("json_schema", schema)
        }
    }

    mutating func append(_ tools: Tools?) {
        guard let tools else { return }
        append("tools")
        append(tools.definitions)
        append(tools.choice ?? "")
        append(tools.parallelCalls.map { $0 ? "parallel" : "one" } ?? "")
    }

    mutating func append(_ name: String, _ texts: [String]) {
        append(name)
        append(UInt64(texts.count))
        for text in texts { append(text) }
    }

    mutating func append(_ name: String, of message: Int, _ text: String) {
        append(name)
        append(UInt64(message))
        append(text)
    }

    mutating func append(_ number: UInt64) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }
}
