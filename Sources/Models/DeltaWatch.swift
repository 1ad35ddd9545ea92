internal import Chat
internal import Synchronization

/// Hands text on and remembers that it did: from then on the caller has seen it, and no other try can replace it.
final class DeltaWatch: Sendable {
    private let onDelta: DeltaHandler?
    private let hasSeen = Atomic(false)

    init(_ onDelta: DeltaHandler?) {
        self.onDelta = onDelta
    }

    var hasSeenText: Bool { hasSeen.load(ordering: .acquiring) }

    /// Nil when nobody watches, as the caller said.
    var handler: DeltaHandler? {
        guard let onDelta else { return nil }
        return { text in
            self.hasSeen.store(true, ordering: .releasing)
            try await onDelta(text)
        }
    }
}
