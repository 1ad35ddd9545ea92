import Chat
internal import Curl

/// A provider that can say whether it would answer, without being asked a question.
public protocol Probing: Sendable {
    /// Returning means that the provider was reached and took the key.
    ///
    /// - Throws: ``ModelFailure``.
    func probe() async throws
}

extension Gemini: Probing {
    public func probe() async throws { try await call.probe(modelURL, headers: [("x-goog-api-key", key.text)]) }
}

extension OpenAICompatible: Probing {
    public func probe() async throws {
        try await call.probe(modelsURL, headers: key.map { [("Authorization", "Bearer \($0.text)")] } ?? [])
    }
}

extension Echo: Probing {
    public func probe() {}
}
