/// Waits until `isSo`, asking again and again while others run, for 20 s at most.
///
/// - Parameter event: for the one who reads the failure.
public func until(_ event: String, _ isSo: () async throws -> Bool) async throws {
    let limit = ContinuousClock.now + .seconds(20)
    while try await !isSo() {
        guard ContinuousClock.now < limit else { throw WaitedInVain(event: event) }
        await Task.yield()
    }
}

public struct WaitedInVain: Error, CustomStringConvertible {
    let event: String

    public var description: String { "waited in vain until \(event)" }
}
