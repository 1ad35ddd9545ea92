import FastCGI
import Glibc
import Testing

@Suite(.timeLimit(.minutes(1))) struct KeptConnectionTests {
    typealias Client = FastCGIClient

    private static func request(_ target: String) -> [UInt8] {
        Client.opening(Client.get(target), keepsConnection: true) + Client.input([])
    }

    @Test func answersManyRequestsOnOneConnection() async throws {
        let server = try await Server(answer: Server.describe)
        let texts = try await blocking { [path = server.path] in
            let client = try Client(path)
            defer { client.disconnect() }
            return try (0..<100).map { number in
                try client.send(Self.request("/\(number)"))
                return try client.readReply(keepsConnection: true).text
            }
        }
        #expect(texts == (0..<100).map { "GET /\($0)  complete 0 0" })
        #expect(await server.stop())
        #expect(server.listener.answered == 100)
    }

    @Test func keepsAConnectionAfterALongBodyAndALongReply() async throws {
        let long = [UInt8](repeating: 7, count: 1 << 20)
        let server = try await Server(Limits(bodyBytes: 4 << 20)) { request, writer in
            guard case .complete(let body) = request.body else { return }
            try? await writer.send(ResponseHead(status: 200), body: body)
        }
        let isSame = try await blocking { [path = server.path] in
            let client = try Client(path)
            defer { client.disconnect() }
            return try (0..<3).allSatisfy { _ in
                let parameters = Client.post("/", length: "\(long.count)")
                try client.send(Client.opening(parameters, keepsConnection: true) + Client.input(long))
                return try client.readReply(keepsConnection: true).body == long
            }
        }
        #expect(isSame)
        #expect(await server.stop())
    }

    @Test func closesWhenNotAskedToKeepTheConnection() async throws {
        let server = try await Server(answer: Server.describe)
        let reply = try await server.exchange(Client.get("/"))
        #expect(reply.status == 200 && reply.isClosed && reply.endings == 1)
        #expect(await server.stop())
    }

    @Test func saysGoodbyeAfterABodyThatItDidNotRead() async throws {
        let server = try await Server(Limits(bodyBytes: 2), answer: Server.describe)
        let reply = try await blocking { [path = server.path] in
            let client = try Client(path)
            defer { client.disconnect() }
            try client.send(
                Client.opening(Client.post("/", length: "3"), keepsConnection: true) + Client.input([1, 2, 3]))
            return try client.readReply()
        }
        #expect(reply.text == "POST /  tooLarge 2" && reply.isClosed)
        #expect(reply.endings == 2)
        #expect(await server.stop())
    }

    /// nginx takes the second END_REQUEST for a reason to close the connection itself, so no request of it can be lost.
    @Test func saysGoodbyeWithTheLastReplyOfADrain() async throws {
        let server = try await Server(answer: Server.describe)
        let client = try Client(server.path)
        defer { client.disconnect() }
        let first = try await blocking {
            try client.send(Self.request("/first"))
            return try client.readReply(keepsConnection: true)
        }
        #expect(first.status == 200)
        async let isIdle = server.listener.drain(deadline: .now + .seconds(20))
        // It may be on its way while the drain begins, and long after.
        let last = try await blocking {
            while (try? Client(server.path).disconnect()) != nil {}
            try client.send(Self.request("/last"))
            return try client.readReply()
        }
        #expect(last.text == "GET /last  complete 0 0")
        #expect(last.endings == 2 && last.isClosed)
        #expect(await isIdle)
        server.remove()
    }

    @Test func keepsAConnectionWhoseReplyHadBegunBeforeTheDrain() async throws {
        let gate = Gate()
        let long = [UInt8](repeating: 1, count: 4 << 20)
        let server = try await Server { request, writer in
            await gate.wait()
            try? await writer.send(ResponseHead(status: 200), body: request.path == "/long" ? long : [])
        }
        let client = try Client(server.path)
        defer { client.disconnect() }
        try client.send(Self.request("/long"))
        await gate.reached()
        gate.open()
        // It is being sent now, as its first record is here.
        let first = try await blocking { try client.readRecord() }
        async let isIdle = server.listener.drain(deadline: .now + .seconds(20))
        let rest = try await blocking { [path = server.path] in
            while (try? Client(path).disconnect()) != nil {}
            return try client.readReply(keepsConnection: true)
        }
        #expect((first?.1.count ?? 0) + rest.stdout.count > long.count && rest.endings == 1 && !rest.isClosed)
        let last = try await blocking {
            try client.send(Self.request("/last"))
            return try client.readReply()
        }
        #expect(last.status == 200 && last.endings == 2 && last.isClosed)
        #expect(await isIdle)
        server.remove()
    }

    @Test func closesForAPeerThatEndsItsSideWithTheRequest() async throws {
        let server = try await Server(answer: Server.describe)
        let reply = try await blocking { [path = server.path] in
            let client = try Client(path)
            defer { client.disconnect() }
            let bytes = Self.request("/")
            try client.send(Array(bytes.dropLast(8)))
            // Both come in one event.
            try client.send(Array(bytes.suffix(8)))
            shutdown(client.descriptor, Int32(SHUT_WR))
            return try client.readReply()
        }
        #expect(reply.text == "GET /  complete 0 0" && reply.isClosed)
        #expect(await server.stop())
    }

    /// The end of the body may still come, and would be taken for a request.
    @Test func saysGoodbyeToAPeerThatDoesNotEndItsBody() async throws {
        let server = try await Server(Limits(readTimeout: 0.2), answer: Server.describe)
        let reply = try await blocking { [path = server.path] in
            let client = try Client(path)
            defer { client.disconnect() }
            let parameters = Client.post("/", length: "3")
            try client.send(Client.opening(parameters, keepsConnection: true) + Client.record(.stdin, [1, 2, 3]))
            return try client.readReply()
        }
        #expect(reply.text.hasPrefix("POST /  complete 3 ") && reply.endings == 2 && reply.isClosed)
        #expect(await server.stop())
    }

    @Test func drainsWhenThePeerClosesItsIdleConnections() async throws {
        let server = try await Server(answer: Server.describe)
        let client = try Client(server.path)
        _ = try await blocking {
            try client.send(Self.request("/"))
            return try client.readReply(keepsConnection: true)
        }
        async let isIdle = server.listener.drain(deadline: .now + .seconds(600))
        client.disconnect()
        #expect(await isIdle)
        server.remove()
    }

    @Test func closesIdleConnectionsAtTheDeadlineOfADrain() async throws {
        let server = try await Server(answer: Server.describe)
        let client = try Client(server.path)
        defer { client.disconnect() }
        let isClosed = try await blocking {
            try client.send(Self.request("/"))
            return try client.readReply(keepsConnection: true).isClosed
        }
        #expect(!isClosed)
        #expect(await server.listener.drain(deadline: .now + .milliseconds(50)))
        #expect(try await blocking { try client.readReply() }.isClosed)
        server.remove()
    }

    @Test func endsARequestThatStallsOnAKeptConnection() async throws {
        let server = try await Server(Limits(readTimeout: 0.2), answer: Server.describe)
        let isClosed = try await blocking { [path = server.path] in
            let client = try Client(path)
            defer { client.disconnect() }
            try client.send(Self.request("/"))
            _ = try client.readReply(keepsConnection: true)
            try client.send(Array(Self.request("/half").dropLast(20)))
            return try client.readReply().isClosed
        }
        #expect(isClosed)
        #expect(await server.nextFault() == .stalled)
        #expect(await server.stop())
    }

    @Test func cancelsTheResponderOfAKeptConnectionWhenThePeerCloses() async throws {
        let (cancellations, cancelled) = AsyncStream.makeStream(of: Void.self)
        let server = try await Server { request, writer in
            guard request.path == "/wait" else { return await Server.describe(request, writer) }
            for await _ in AsyncStream.makeStream(of: Never.self).stream {}
            cancelled.yield()
        }
        try await blocking { [path = server.path] in
            let client = try Client(path)
            try client.send(Self.request("/"))
            _ = try client.readReply(keepsConnection: true)
            try client.send(Self.request("/wait"))
            client.disconnect()
        }
        #expect(await cancellations.first { true } != nil)
        #expect(await server.stop())
    }
}
