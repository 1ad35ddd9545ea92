/// The isolation of everything that lives on the event loop's thread.
@globalActor public actor LoopActor {
    public static let shared = LoopActor()

    public nonisolated var unownedExecutor: UnownedSerialExecutor { EventLoop.shared.asUnownedSerialExecutor() }

    /// Runs `body` as what it is on the loop's thread: isolated. What epoll and C callbacks call is not known as such to
    /// the compiler.
    ///
    /// - Precondition: the thread is the loop's.
    public static func assumeIsolated<Value>(_ body: @LoopActor () throws -> Value) rethrows -> Value {
        typealias Isolated = @LoopActor () throws -> Value
        typealias Plain = () throws -> Value
        EventLoop.shared.checkIsolated()
        // As the standard library's MainActor.assumeIsolated does: the two types differ in what the compiler demands only.
        return try withoutActuallyEscaping(body) { (body: @escaping Isolated) in
            try unsafeBitCast(body, to: Plain.self)()
        }
    }

    /// Starts a task that never leaves the loop, also when another thread resumes it.
    @discardableResult
    public static func start(_ work: @escaping @Sendable @LoopActor () async -> Void) -> Task<Void, Never> {
        Task(executorPreference: EventLoop.shared) { await work() }
    }

    /// Has `action` called once before the loop sleeps or looks at its sockets again: what the jobs of a turn have
    /// gathered then leaves together.
    @LoopActor public static func atEndOfTurn(_ action: @escaping @LoopActor () -> Void) {
        Turns.current.endings.append(action)
    }
}
