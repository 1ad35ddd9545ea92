import FastCGI
import Glibc
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct HangUpTests {
    typealias Client = FastCGIClient

    /// A server whose `/wait` waits to be cancelled, and tells.
    private struct Waiting {
        let server: Server
        /// Each `/wait` that began to wait.
        let started: AsyncStream<Void>
        /// When each was cancelled.
        let ended: AsyncStream<ContinuousClock.Instant>

        init(
            _ limits: Limits = Limits(), others: @escaping Server.Answer = Server.describe,
            afterwards: @escaping @Sendable () async -> Void = {}
        ) async throws {
            let (started, starting) = AsyncStream.makeStream(of: Void.self)
            let (ended, ending) = AsyncStream.makeStream(of: ContinuousClock.Instant.self)
            self.started = started
            self.ended = ended
            server = try await Server(limits) { request, writer in
                guard request.path == "/wait" else { return await others(request, writer) }
                starting.yield()
                await untilCancelled()
                ending.yield(.now)
                await afterwards()
            }
        }

        /// A client whose request has been sent.
        func client(_ target: String = "/wait") throws -> Client {
            let client = try Client(server.path)
            try client.send(Client.opening(Client.get(target)) + Client.input([]))
            return client
        }

        /// Returns when a hang-up has been heard that came after all others.
        func hearAnother() async throws {
            try client().disconnect()
            #expect(await ended.first { _ in true } != nil)
        }
    }

    @Test func cancelsAWaitingResponderWhenThePeerCloses() async throws {
        let waiting = try await Waiting()
        for _ in 0..<20 {
            let client = try waiting.client()
            _ = await waiting.started.first { true }
            let closed = ContinuousClock.now
            client.disconnect()
            let cancelled = try #require(await waiting.ended.first { _ in true })
            #expect(cancelled - closed < .seconds(1))
        }
        #expect(await waiting.server.stop())
    }

    @Test func cancelsForAPeerThatHadGoneBefore() async throws {
        let waiting = try await Waiting()
        for _ in 0..<20 { try await waiting.hearAnother() }
        #expect(await waiting.server.stop())
    }

    @Test func isNotCancelledByAHalfClose() async throws {
        let gate = Gate()
        let wasCancelled = Mutex<Bool?>(nil)
        let waiting = try await Waiting { request, writer in
            await gate.wait()
            wasCancelled.withLock { $0 = Task.isCancelled }
            await Server.describe(request, writer)
        }
        let client = try waiting.client("/half")
        shutdown(client.descriptor, Int32(SHUT_WR))
        await gate.reached()
        try await waiting.hearAnother()
        gate.open()
        let reply = try await blocking { try client.readReply() }
        client.disconnect()
        #expect(reply.text == "GET /half  complete 0 0" && reply.applicationStatus == 0)
        #expect(await waiting.server.stop())
        #expect(wasCancelled.withLock { $0 } == false)
    }

    @Test func isNotCancelledOnceItsReplyIsComplete() async throws {
        let gate = Gate()
        let wasCancelled = Mutex<Bool?>(nil)
        let waiting = try await Waiting { request, writer in
            await Server.describe(request, writer)
            await gate.wait()
            wasCancelled.withLock { $0 = Task.isCancelled }
        }
        #expect(try await waiting.server.exchange(Client.get("/")).status == 200)
        await gate.reached()
        try await waiting.hearAnother()
        gate.open()
        #expect(await waiting.server.stop())
        #expect(wasCancelled.withLock { $0 } == false)
    }

    /// Descriptors are closed and their numbers used again all the time, while events of their last use may be about.
    @Test func isNotCancelledByOthersOfTheSameDescriptor() async throws {
        let gate = Gate()
        let cancelled = Mutex(0)
        let waiting = try await Waiting(Limits()) { request, writer in
            guard request.path == "/held" else { return await Server.describe(request, writer) }
            await withTaskCancellationHandler {
                await gate.wait()
            } onCancel: {
                cancelled.withLock { $0 += 1 }
            }
            await Server.describe(request, writer)
        }
        let batches = 20
        var held: [Client] = []
        for batch in 1...batches {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<4 {
                    group.addTask {
                        try await blocking {
                            for number in 0..<50 {
                                switch number % 5 {
                                case 0: try waiting.client("/short").disconnect()
                                case 1: try waiting.client("/wait").disconnect()
                                default:
                                    let reply = try Client.exchange(waiting.server.path, Client.get("/short"))
                                    #expect(reply.status == 200)
                                }
                            }
                        }
                    }
                }
                for _ in 0..<5 { held.append(try waiting.client("/held")) }
                try await group.waitForAll()
            }
            await gate.reached(by: 5 * batch)
        }
        for await _ in waiting.ended.prefix(4 * 10 * batches) {}
        try await waiting.hearAnother()
        #expect(cancelled.withLock { $0 } == 0)
        gate.open()
        let texts = try await blocking { [held] in
            try held.map { client in
                defer { client.disconnect() }
                return try client.readReply().text
            }
        }
        #expect(texts == Array(repeating: "GET /held  complete 0 0", count: 5 * batches))
        #expect(await waiting.server.stop())
    }

    @Test func tellsTheWriterThatThePeerIsGone() async throws {
        let gate = Gate()
        let (ends, end) = AsyncStream.makeStream(of: (ResponseError?, isCancelled: Bool).self)
        let server = try await Server { _, writer in
            await gate.wait()
            do throws(ResponseError) {
                try await writer.send(ResponseHead(status: 200), body: [1])
                end.yield((nil, Task.isCancelled))
            } catch {
                // The thread that started this task may not have handed it over for cancelling yet.
                while !Task.isCancelled { await Task.yield() }
                end.yield((error, Task.isCancelled))
            }
        }
        let client = try Client(server.path)
        try client.send(Client.opening(Client.get("/")) + Client.input([]))
        await gate.reached()
        client.disconnect()
        gate.open()
        let (error, isCancelled) = try #require(await ends.first { _ in true })
        #expect(error == .peerGone && isCancelled)
        #expect(await server.stop())
    }

    @Test func wakesAStreamForItsSlowReaderAndCancelsItWhenTheReaderLeaves() async throws {
        let (ends, end) = AsyncStream.makeStream(of: (ResponseError, isCancelled: Bool).self)
        let server = try await Server { _, writer in
            do throws(ResponseError) {
                try await writer.start(ResponseHead(status: 200))
                while true { try await writer.write([UInt8](repeating: 1, count: 100_000)) }
            } catch {
                end.yield((error, Task.isCancelled))
            }
        }
        let client = try Client(server.path)
        try client.send(Client.opening(Client.get("/")) + Client.input([]))
        // Many times what the socket holds.
        #expect(try await blocking { try Self.read(4 << 20, from: client) })
        client.disconnect()
        let (error, isCancelled) = try #require(await ends.first { _ in true })
        #expect(error == .peerGone && isCancelled)
        #expect(await server.stop())
    }

    @Test func cancelsAStreamThatHasNothingToSend() async throws {
        let waiting = try await Waiting { request, writer in
            try? await writer.start(ResponseHead(status: 200))
            // It waits for its reader first, as this is more than the socket holds.
            try? await writer.write([UInt8](repeating: 1, count: 1 << 20))
            await untilCancelled()
        }
        let client = try waiting.client("/stream")
        #expect(try await blocking { try Self.read(1 << 20, from: client) })
        client.disconnect()
        // Else it would wait for ever.
        #expect(await waiting.server.stop())
    }

    @Test func isInFlightUntilItsResponderReturns() async throws {
        let gate = Gate()
        let waiting = try await Waiting(afterwards: { await gate.wait() })
        let listener = waiting.server.listener
        try waiting.client().disconnect()
        await gate.reached()
        #expect(await listener.drain(deadline: .now + .milliseconds(100)) == false)
        #expect(listener.inFlight == 1)
        gate.open()
        #expect(await waiting.server.stop())
        #expect(listener.inFlight == 0)
    }

    @Test func callsItNoFaultThatACancelledRequestIsNotAnswered() async throws {
        let waiting = try await Waiting(others: { _, _ in })
        let server = waiting.server
        try await waiting.hearAnother()
        while server.listener.inFlight > 0, !Task.isCancelled { await Task.yield() }
        _ = try await server.exchange(Client.get("/forgotten"))
        #expect(await server.nextFault() == .unanswered(path: "/forgotten"))
        #expect(await server.stop())
    }

    @Test func cancelsFiveHundredAtOnce() async throws {
        let waiting = try await Waiting(Limits())
        let clients = try (0..<500).map { _ in try waiting.client() }
        for await _ in waiting.started.prefix(500) {}
        #expect(waiting.server.listener.inFlight == 500)
        let closed = ContinuousClock.now
        for client in clients { client.disconnect() }
        var last = closed
        for await cancelled in waiting.ended.prefix(500) { last = max(last, cancelled) }
        #expect(last - closed < .seconds(2))
        #expect(await waiting.server.stop())
    }

    /// Whether `count` bytes came before the peer closed.
    private static func read(_ count: Int, from client: Client) throws -> Bool {
        var left = count
        while left > 0, let (_, content) = try client.readRecord() { left -= content.count }
        return left <= 0
    }
}

/// Returns when the task it is called in has been cancelled.
private func untilCancelled() async {
    for await _ in AsyncStream.makeStream(of: Never.self).stream {}
}
