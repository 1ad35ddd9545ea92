/// Work that belongs to no one request: where it runs, and what it sleeps by.
public struct Background: Sendable {
    public typealias Starter = @Sendable (@escaping @Sendable () async -> Void) -> Task<Void, Never>

    public let clock: any Clock<Duration>
    private let starter: Starter

    /// - Parameter starter: starts a task, on an event loop say; Swift's own pool otherwise.
    public init(
        clock: any Clock<Duration> = ContinuousClock(), starter: @escaping Starter = { work in Task { await work() } }
    ) {
        self.clock = clock
        self.starter = starter
    }

    @discardableResult
    public func start(_ work: @escaping @Sendable () async -> Void) -> Task<Void, Never> { starter(work) }
}
