import Curl
import Support
import Testing

@Suite(.timeLimit(.minutes(2)))
struct TransferFailureTests {
    let client = CurlClient(configuration: .init(connectTimeout: .seconds(20), maximumResponseBytes: 1 << 20))

    func open(_ server: ScriptedServer, within limit: Duration = .seconds(60)) async throws -> Transfer {
        let request = try HTTPRequest(method: .get, url: HTTPURL(server.url))
        return try await client.open(request, deadline: .now + limit)
    }

    func kind(_ body: () async throws -> Void) async -> CurlError.Kind? {
        do {
            try await body()
            return nil
        } catch {
            return (error as? CurlError)?.kind
        }
    }

    func drain(_ transfer: Transfer) async throws {
        while try await transfer.next() != nil {}
    }

    @Test func reportsARefusedConnectionAsUnreachable() async throws {
        let request = try HTTPRequest(method: .get, url: HTTPURL("http://127.0.0.1:1/"))
        let kind = await kind { _ = try await client.open(request, deadline: .now + .seconds(60)) }
        #expect(kind == .unreachable)
    }

    @Test(arguments: [false, true])
    func reportsAHangUpBeforeTheHeadersAsUnreachable(reset: Bool) async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            if reset { connection.resetOnClose() }
        })
        #expect(await kind { _ = try await open(server) } == .unreachable)
    }

    @Test(arguments: ["Content-Length: 100", "Transfer-Encoding: chunked"], [false, true])
    func givesWhatCameBeforeACutAndThenUnreachable(framing: String, reset: Bool) async throws {
        let (seen, hasSeen) = AsyncStream<Void>.makeStream()
        let server = try ScriptedServer { listener in
            guard let connection = listener.accept() else { return }
            _ = connection.readRequest()
            let body = framing.hasSuffix("chunked") ? "4\r\npart\r\n" : "part"
            try connection.send("HTTP/1.1 200 OK\r\n\(framing)\r\n\r\n\(body)")
            hasSeen.yield()
            // The client asks for the cut once it has the first bytes: a reset would destroy unread ones.
            guard let second = listener.accept() else { return }
            if reset { connection.resetOnClose() }
            _ = second
        }
        let transfer = try await open(server)
        #expect(try await transfer.next() == Array("part".utf8))
        var events = seen.makeAsyncIterator()
        await events.next()
        async let cut = kind { _ = try await open(server) }
        #expect(await kind { try await drain(transfer) } == .unreachable)
        #expect(await cut == .unreachable)
    }

    @Test(arguments: ["not http at all\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n"])
    func reportsAnotherProtocolAsMalformed(greeting: String) async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            try connection.send(greeting)
        })
        #expect(await kind { _ = try await open(server) } == .malformed)
    }

    @Test func endsAResponseThatIsTooLarge() async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\n\r\n")
            while true { try connection.send([UInt8](repeating: 1, count: 1 << 16)) }
        })
        let transfer = try await open(server)
        #expect(await kind { try await drain(transfer) } == .tooLarge)
    }

    @Test func endsAHeaderSectionThatIsTooLarge() async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\n")
            let line = Array("X: \(String(repeating: "y", count: 4000))\r\n".utf8)
            while true { try connection.send(line) }
        })
        let client = CurlClient(configuration: .init(maximumResponseBytes: 64 << 10))
        let request = try HTTPRequest(method: .get, url: HTTPURL(server.url))
        #expect(await kind { _ = try await client.open(request, deadline: .now + .seconds(60)) } == .tooLarge)
    }

    @Test func timesOutWhenNoHeadersCome() async throws {
        let (hungUp, didHangUp) = AsyncStream<Bool>.makeStream()
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            didHangUp.yield(connection.waitForHangUp())
        })
        let started = ContinuousClock.now
        #expect(await kind { _ = try await open(server, within: .milliseconds(50)) } == .timedOut)
        #expect(started.duration(to: .now) < .seconds(30))
        var events = hungUp.makeAsyncIterator()
        #expect(await events.next() == true)
    }

    @Test func timesOutAtADeadlineThatWasMovedEarlier() async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            try connection.begin()
            _ = connection.waitForHangUp()
        })
        let transfer = try await open(server, within: .seconds(60))
        await transfer.moveDeadline(to: .now + .milliseconds(50))
        let started = ContinuousClock.now
        #expect(await kind { try await drain(transfer) } == .timedOut)
        #expect(started.duration(to: .now) < .seconds(30))
    }

    @Test func movesTheDeadlineOfAReaderThatWaits() async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            try connection.begin()
            _ = connection.waitForHangUp()
        })
        let transfer = try await open(server, within: .seconds(60))
        async let end = kind { try await drain(transfer) }
        await transfer.moveDeadline(to: .now + .milliseconds(50))
        #expect(await end == .timedOut)
    }

    @Test func doesNotTimeOutWhileProgressMovesTheDeadline() async throws {
        let pieces = 20
        let server = try ScriptedServer { listener in
            guard let connection = listener.accept() else { return }
            _ = connection.readRequest()
            try connection.begin()
            for _ in 0..<pieces {
                // The reader's next connection is its word that the last piece arrived.
                try connection.chunk("x")
                guard let next = listener.accept() else { return }
                _ = next.readRequest()
                try next.answer("ok")
            }
            try connection.chunk("")
        }
        let transfer = try await open(server, within: .seconds(60))
        var count = 0
        while let bytes = try await transfer.next() {
            count += bytes.count
            await transfer.moveDeadline(to: .now + .seconds(60))
            let other = CurlClient()
            let request = try HTTPRequest(method: .get, url: HTTPURL(server.url))
            try await drain(other.open(request, deadline: .now + .seconds(60)))
        }
        #expect(count == pieces)
    }

    @Test func aCancelledTaskHangsUpBeforeTheHeaders() async throws {
        let (hungUp, event) = AsyncStream<Bool>.makeStream()
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            event.yield(false)
            event.yield(connection.waitForHangUp())
        })
        let task = Task { await kind { _ = try await open(server, within: .seconds(60)) } }
        var events = hungUp.makeAsyncIterator()
        #expect(await events.next() == false)
        task.cancel()
        #expect(await task.value == .cancelled)
        #expect(await events.next() == true)
    }

    @Test func aCancelledTaskHangsUpInTheBody() async throws {
        let (hungUp, event) = AsyncStream<Bool>.makeStream()
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            try connection.begin()
            try connection.chunk("piece")
            event.yield(connection.waitForHangUp())
        })
        let transfer = try await open(server, within: .seconds(60))
        #expect(try await transfer.next() != nil)
        let task = Task { await kind { try await drain(transfer) } }
        task.cancel()
        #expect(await task.value == .cancelled)
        var events = hungUp.makeAsyncIterator()
        #expect(await events.next() == true)
    }

    /// A kept connection takes the next request once the response before it has wholly arrived.
    private func openOneThatHasArrived() async throws -> Transfer {
        let server = try ScriptedServer(eachConnection: { connection, number in
            while connection.readRequest() != nil { try connection.answer("connection \(number)") }
        })
        let transfer = try await open(server)
        var connection = ""
        while connection != "connection 0" {
            let body = try await open(server).next() ?? []
            connection = String(decoding: body, as: UTF8.self)
        }
        return transfer
    }

    @Test func aCancelledReadIsCancelledAlsoWhenAllHasArrived() async throws {
        let transfer = try await openOneThatHasArrived()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await kind { try await drain(transfer) }
        }
        #expect(await task.value == .cancelled)
    }

    @Test func aCancelledTransferIsCancelledAlsoWhenAllHasArrived() async throws {
        let transfer = try await openOneThatHasArrived()
        await transfer.cancel()
        #expect(await kind { try await drain(transfer) } == .cancelled)
    }

    @Test func aTaskThatIsCancelledAlreadySendsNothing() async throws {
        let server = try ScriptedServer(eachConnection: { _, _ in Issue.record("connected") })
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await kind { _ = try await open(server) }
        }
        #expect(await task.value == .cancelled)
    }

    @Test func aDroppedTransferHangsUp() async throws {
        let (hungUp, event) = AsyncStream<Bool>.makeStream()
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            try connection.begin()
            event.yield(connection.waitForHangUp())
        })
        _ = try await open(server)
        var events = hungUp.makeAsyncIterator()
        #expect(await events.next() == true)
    }

    @Test func aDroppedClientClosesItsConnections() async throws {
        let (hungUp, event) = AsyncStream<Bool>.makeStream()
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            try connection.answer("ok")
            event.yield(connection.waitForHangUp())
        })
        do {
            let client = CurlClient()
            let request = try HTTPRequest(method: .get, url: HTTPURL(server.url))
            try await drain(client.open(request, deadline: .now + .seconds(60)))
        }
        var events = hungUp.makeAsyncIterator()
        #expect(await events.next() == true)
    }

    @Test func refusesASecondReader() async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            try connection.begin()
            _ = connection.waitForHangUp()
        })
        let transfer = try await open(server)
        let kinds = await withTaskGroup(of: CurlError.Kind?.self) { group in
            for _ in 0..<2 { group.addTask { await kind { try await drain(transfer) } } }
            let first = await group.next()
            await transfer.cancel()
            return [first, await group.next()]
        }
        #expect(kinds == [.invalidRequest, .cancelled])
    }
}
