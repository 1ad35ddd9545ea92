public import Chat
internal import Synchronization

/// Takes an answer as it is made, and has seen whatever it took.
public final class Watcher: DeltaHandler {
    private let onTake: @Sendable (AnswerDelta) -> Void
    private let hasSeen = Atomic(false)

    public init(_ onTake: @escaping @Sendable (AnswerDelta) -> Void = { _ in }) { self.onTake = onTake }

    public func take(_ delta: AnswerDelta) {
        hasSeen.store(true, ordering: .relaxed)
        onTake(delta)
    }

    public func startOver() -> Bool { !hasSeen.load(ordering: .relaxed) }
}
