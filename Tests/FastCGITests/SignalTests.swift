import FastCGI
import Glibc
import Testing

@Suite(.timeLimit(.minutes(1))) struct SignalTests {
    @Test func hearsASignalThatAnotherThreadGets() async throws {
        let (signals, continuation) = AsyncStream.makeStream(of: Int32.self)
        Signals.block([SIGUSR2, SIGALRM])
        try Signals.wait(for: [SIGUSR2, SIGALRM]) { continuation.yield($0) }
        var iterator = signals.makeAsyncIterator()
        for signal in [SIGUSR2, SIGALRM, SIGUSR2] {
            kill(getpid(), signal)
            #expect(await iterator.next() == signal)
        }
    }

    @Test func leavesTerminationAlone() async throws {
        await #expect(processExitsWith: .signal(SIGTERM)) {
            // Makes the listener initialize libfcgi, which handles SIGTERM itself.
            let server = try await Server(answer: Server.describe)
            _ = try await server.exchange(FastCGIClient.get("/"))
            server.remove()
            kill(getpid(), SIGTERM)
            pause()
        }
    }
}
