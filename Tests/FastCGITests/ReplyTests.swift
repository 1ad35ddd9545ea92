import FastCGI
import Glibc
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct ReplyTests {
    typealias Client = FastCGIClient

    @Test(arguments: [0, 1, 8_184, 8_185, 65_535, 65_536, 65_537, 1_048_576])
    func sendsAReplyOfAnySize(size: Int) async throws {
        let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 % 253) }
        let sent = Mutex<Int?>(nil)
        let server = try await Server { _, writer in
            try? await writer.send(ResponseHead(status: 200), body: body)
            sent.withLock { $0 = writer.bytesSent }
        }
        let reply = try await server.exchange(Client.get("/"))
        #expect(reply.body == body)
        #expect(reply.header("Content-Length") == "\(size)")
        #expect(reply.applicationStatus == 0)
        #expect(await server.stop())
        #expect(sent.withLock { $0 } == size)
    }

    @Test func servesOthersWhileSlowReadersHoldBackLongReplies() async throws {
        let long = [UInt8](repeating: 1, count: 4 << 20)
        let server = try await Server(Limits(writeTimeout: 60)) { request, writer in
            try? await writer.send(ResponseHead(status: 200), body: request.path == "/long" ? long : [])
        }
        // More of them than there are threads in Swift's pool.
        let slow = try (0..<64).map { _ in try Client(server.path) }
        for client in slow { try client.send(Client.opening(Client.get("/long")) + Client.input([])) }
        for _ in 0..<20 { #expect(try await server.exchange(Client.get("/")).status == 200) }
        let sizes = try await blocking {
            try slow.map { client in
                defer { client.disconnect() }
                return try client.readReply().body.count
            }
        }
        #expect(sizes == Array(repeating: long.count, count: 64))
        #expect(await server.stop())
    }

    @Test func givesUpOnAReaderThatTakesNothing() async throws {
        let (errors, continuation) = AsyncStream.makeStream(of: ResponseError?.self)
        let server = try await Server(Limits(writeTimeout: 0.2)) { _, writer in
            do throws(ResponseError) {
                try await writer.send(ResponseHead(status: 200), body: [UInt8](repeating: 1, count: 4 << 20))
                continuation.yield(nil)
            } catch {
                continuation.yield(error)
            }
        }
        let client = try Client(server.path)
        try client.send(Client.opening(Client.get("/")) + Client.input([]))
        var iterator = errors.makeAsyncIterator()
        #expect(await iterator.next() == .some(.peerStalled))
        let reply = try await blocking { try client.readReply() }
        #expect(reply.applicationStatus == nil, "a cut reply must not look complete")
        client.disconnect()
        #expect(await server.stop())
    }

    @Test func streamsEachPieceAtOnce() async throws {
        let gate = Gate()
        let server = try await Server { _, writer in
            try? await writer.start(ResponseHead(status: 200, headers: [("Content-Type", "text/event-stream")]))
            try? await writer.write(Array("data: 1\n\n".utf8))
            await gate.wait()
            try? await writer.write(Array("data: 2\n\n".utf8))
        }
        let client = try Client(server.path)
        try client.send(Client.opening(Client.get("/")) + Client.input([]))
        let first = try await blocking {
            var text = ""
            while !text.contains("data: 1\n\n"), let (_, content) = try client.readRecord() {
                text += String(decoding: content, as: UTF8.self)
            }
            return text
        }
        #expect(first.hasPrefix("Status: 200 OK\r\n") && !first.contains("Content-Length"))
        await gate.reached()
        gate.open()
        let rest = try await blocking { try client.readReply() }
        #expect(String(decoding: rest.stdout, as: UTF8.self) == "data: 2\n\n")
        #expect(rest.applicationStatus == 0)
        client.disconnect()
        #expect(await server.stop())
    }

    @Test func answersForAResponderThatForgets() async throws {
        let server = try await Server { _, _ in }
        let reply = try await server.exchange(Client.get("/forgotten?x"))
        #expect(reply.status == 500 && reply.header("Content-Type") == "text/plain" && reply.text == "no answer")
        #expect(await server.nextFault() == .unanswered(path: "/forgotten"))
        #expect(await server.stop())
    }

    @Test func refusesASecondReply() async throws {
        let (errors, continuation) = AsyncStream.makeStream(of: ResponseError.self)
        let server = try await Server { request, writer in
            func note(_ body: () async throws(ResponseError) -> Void) async {
                do throws(ResponseError) { try await body() } catch { continuation.yield(error) }
            }
            await note { () throws(ResponseError) in try await writer.write([1]) }
            await note { () throws(ResponseError) in
                try await writer.send(ResponseHead(status: 200, headers: [("X", "a\r\nb")]), body: [])
            }
            await note { () throws(ResponseError) in try await writer.start(ResponseHead(status: 200)) }
            await note { () throws(ResponseError) in try await writer.send(ResponseHead(status: 200), body: []) }
            await note { () throws(ResponseError) in try await writer.start(ResponseHead(status: 200)) }
            await note { () throws(ResponseError) in try await writer.start(ResponseHead(status: 99)) }
        }
        let reply = try await server.exchange(Client.get("/"))
        #expect(reply.status == 200 && reply.body.isEmpty)
        continuation.finish()
        var seen: [ResponseError] = []
        for await error in errors { seen.append(error) }
        #expect(seen == [.notStarted, .invalidHeader("X"), .alreadyStarted, .alreadyStarted, .invalidStatus(99)])
        #expect(await server.stop())
    }

    @Test func ignoresAWriterKeptAfterTheReturn() async throws {
        let kept = Mutex<ResponseWriter?>(nil)
        let server = try await Server { request, writer in
            kept.withLock { $0 = writer }
            await Server.describe(request, writer)
        }
        _ = try await server.exchange(Client.get("/"))
        #expect(await server.stop())
        let writer = try #require(kept.withLock { $0 })
        await #expect(throws: ResponseError.finished) { try await writer.write([1]) }
    }
}
