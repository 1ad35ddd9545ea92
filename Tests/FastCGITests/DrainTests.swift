import FastCGI
import Glibc
import Testing

@Suite(.timeLimit(.minutes(1))) struct DrainTests {
    typealias Client = FastCGIClient

    @Test func waitsForRequestsInFlight() async throws {
        let gate = Gate()
        let server = try await Server { request, writer in
            await gate.wait()
            await Server.describe(request, writer)
        }
        async let reply = server.exchange(Client.get("/"))
        await gate.reached()
        #expect(await server.listener.drain(deadline: .now + .milliseconds(100)) == false)
        #expect(server.listener.inFlight == 1)
        gate.open()
        #expect(try await reply.status == 200)
        #expect(await server.stop())
        #expect(server.listener.inFlight == 0)
    }

    @Test func servesWhatWasAcceptedBefore() async throws {
        let server = try await Server(answer: Server.describe)
        let silent = try Client(server.path)
        // Served after the silent one was accepted: the queue is in order.
        _ = try await server.exchange(Client.get("/"))
        async let isIdle = server.listener.drain(deadline: .now + .seconds(20))
        try silent.send(Client.opening(Client.get("/late")) + Client.input([]))
        let reply = try await blocking { try silent.readReply() }
        #expect(reply.text == "GET /late  complete 0 0")
        #expect(await isIdle)
        silent.disconnect()
        server.remove()
    }

    @Test func doesNotWaitForASilentPeer() async throws {
        let server = try await Server(Limits(readTimeout: 600), answer: Server.describe)
        let silent = try Client(server.path)
        _ = try await server.exchange(Client.get("/"))
        #expect(await server.stop())
        silent.disconnect()
    }

    @Test func leavesLaterConnectionsToOthers() async throws {
        let server = try await Server(answer: Server.describe)
        // As another process has it.
        let other = dup(server.descriptor)
        #expect(await server.listener.drain(deadline: .now + .seconds(20)))
        let late = try Client(server.path)
        try late.send(Client.opening(Client.get("/")) + Client.input([]))
        close(other)
        server.remove()
        let reply = try await blocking { try late.readReply() }
        #expect(reply.isClosed && reply.stdout.isEmpty)
        late.disconnect()
    }

    @Test func servesWhatWaitsInItsQueueAndThenFreesThePath() async throws {
        let gate = Gate()
        let server = try await Server(Limits()) { request, writer in
            await gate.wait()
            await Server.describe(request, writer)
        }
        let clients = try (0..<200).map { number in
            let client = try Client(server.path)
            try client.send(Client.opening(Client.get("/\(number)")) + Client.input([]))
            return client
        }
        gate.open()
        #expect(await server.listener.drain(deadline: .now + .seconds(20)))
        for (number, client) in clients.enumerated() {
            let reply = try await blocking { try client.readReply() }
            #expect(reply.text == "GET /\(number)  complete 0 0")
            client.disconnect()
        }
        #expect(throws: (any Error).self) { try Client(server.path) }
        server.remove()
    }

    @Test func keepsNoDescriptorOfAFinishedRequest() async throws {
        let server = try await Server(answer: Server.describe)
        _ = try await server.exchange(Client.get("/"))
        let clients = try (0..<20).map { _ in try Client(server.path) }
        for client in clients { client.disconnect() }
        #expect(await server.stop())
        #expect(server.listener.inFlight == 0)
    }
}
