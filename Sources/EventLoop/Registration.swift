/// A descriptor in the loop's epoll set. End it with ``cancel()`` while the descriptor is open, or with ``forget()`` once
/// it is closed and no duplicate of it is left: the kernel then has taken it out of the set.
@LoopActor public struct Registration {
    private let descriptor: Int32
    private let token: UInt64

    /// - Returns: nil when the kernel has no memory for it, or already has the descriptor in the set.
    public init?(_ descriptor: Int32, for events: Readiness, _ handler: any DescriptorHandler) {
        guard let token = Turns.current.add(descriptor, events, handler) else { return nil }
        self.descriptor = descriptor
        self.token = token
    }

    /// - Returns: false when the kernel refused.
    @discardableResult
    public func change(to events: Readiness) -> Bool { Turns.current.change(descriptor, events, token) }

    public func cancel() { Turns.current.remove(descriptor, token) }

    public func forget() { Turns.current.forget(token) }
}
