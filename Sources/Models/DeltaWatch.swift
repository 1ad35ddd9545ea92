internal import Chat
internal import Synchronization

/// Hands an answer on, and tells of its first piece before anybody has it.
final class DeltaWatch: DeltaHandler {
    private let onDelta: (any DeltaHandler)?
    private let onFirst: @Sendable () -> Void
    private let hasBegun = Atomic(false)

    init(_ onDelta: (any DeltaHandler)?, onFirst: @escaping @Sendable () -> Void) {
        self.onDelta = onDelta
        self.onFirst = onFirst
    }

    func take(_ delta: AnswerDelta) {
        if !hasBegun.exchange(true, ordering: .relaxed) { onFirst() }
        onDelta?.take(delta)
    }

    func startOver() -> Bool { onDelta?.startOver() ?? true }
}
