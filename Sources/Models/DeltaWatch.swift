internal import Chat
internal import Synchronization

/// Hands an answer on and remembers that it did: from then on the caller has seen it, and no other try can replace it.
final class DeltaWatch: Sendable {
    private let onDelta: DeltaHandler?
    private let onFirst: (@Sendable () -> Void)?
    private let hasSeen = Atomic(false)

    /// - Parameter onFirst: hears of the first text before the caller has it.
    init(_ onDelta: DeltaHandler?, onFirst: (@Sendable () -> Void)? = nil) {
        self.onDelta = onDelta
        self.onFirst = onFirst
    }

    var hasSeenText: Bool { hasSeen.load(ordering: .acquiring) }

    /// Nil when nobody watches, as the caller said.
    var handler: DeltaHandler? {
        guard onDelta != nil || onFirst != nil else { return nil }
        return { delta in
            if !self.hasSeen.exchange(true, ordering: .acquiringAndReleasing) { self.onFirst?() }
            try await self.onDelta?(delta)
        }
    }
}
