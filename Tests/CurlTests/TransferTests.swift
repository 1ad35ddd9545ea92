import Curl
import Support
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(2)))
struct TransferTests {
    let client = CurlClient(configuration: .init(connectTimeout: .seconds(20), maximumResponseBytes: 1 << 20))

    func request(_ server: ScriptedServer, body: [UInt8] = [], headers: [(name: String, value: String)] = []) throws
        -> HTTPRequest
    {
        try HTTPRequest(method: .post, url: HTTPURL(server.url + "/path?q=1"), headers: headers, body: body)
    }

    func soon() -> ContinuousClock.Instant { .now + .seconds(60) }

    func read(_ transfer: Transfer) async throws(CurlError) -> [UInt8] {
        var all: [UInt8] = []
        while let bytes = try await transfer.next() { all += bytes }
        return all
    }

    @Test func sendsWhatWasAskedAndReadsTheAnswer() async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in
            while let request = connection.readRequest() {
                try connection.answer(
                    headers: ["X-Line: \(request.line)", "X-Key:\(request.headers["x-key"] ?? "")  "],
                    request.text + "|" + (request.headers["accept-encoding"] ?? "none"))
            }
        })
        let transfer = try await client.open(
            request(server, body: Array("grüße\0".utf8), headers: [("X-Key", "value"), ("X-Empty", "")]),
            deadline: soon())
        #expect(transfer.status == 200)
        #expect(transfer.header("x-LINE") == "POST /path?q=1 HTTP/1.1")
        #expect(transfer.header("X-Key") == "value")
        #expect(try await read(transfer) == Array("grüße\0|none".utf8))
        #expect(try await transfer.next() == nil)
    }

    @Test func reusesConnections() async throws {
        let connections = Mutex(0)
        let server = try ScriptedServer(eachConnection: { connection, number in
            while connection.readRequest() != nil { try connection.answer("\(number)") }
        })
        for _ in 0..<5 {
            let transfer = try await client.open(request(server), deadline: soon())
            let number = try #require(Int(String(decoding: try await read(transfer), as: UTF8.self)))
            connections.withLock { $0 = max($0, number) }
        }
        #expect(connections.withLock { $0 } == 0)
    }

    @Test func sendsAnEmptyPostWithoutWaitingForInput() async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in
            let request = connection.readRequest()
            try connection.answer(request?.headers["content-length"] ?? "none")
        })
        let transfer = try await client.open(request(server), deadline: soon())
        #expect(try await read(transfer) == Array("0".utf8))
    }

    @Test func givesHeadersBeforeTheBodyAndEachPieceAsItComes() async throws {
        let server = try ScriptedServer { listener in
            guard let connection = listener.accept() else { return }
            _ = connection.readRequest()
            try connection.begin()
            for piece in ["one", "two", ""] {
                // Another connection is the reader's word that everything until now has arrived.
                guard let next = listener.accept() else { return }
                _ = next.readRequest()
                try next.answer("ok")
                try connection.chunk(piece)
            }
        }
        let transfer = try await client.open(request(server), deadline: soon())
        var pieces: [String] = []
        repeat {
            let other = try await CurlClient().open(request(server), deadline: soon())
            #expect(other.status == 200)
            guard let piece = try await transfer.next() else { break }
            pieces.append(String(decoding: piece, as: UTF8.self))
        } while true
        #expect(pieces == ["one", "two"])
    }

    @Test func doesNotFollowRedirects() async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            try connection.answer(status: "302 Found", headers: ["Location: /elsewhere"], "moved")
        })
        let transfer = try await client.open(request(server), deadline: soon())
        #expect(transfer.status == 302)
        #expect(try await read(transfer) == Array("moved".utf8))
    }

    @Test func skipsInterimResponses() async throws {
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            try connection.send("HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n")
            try connection.answer(headers: ["X-Late: 1"], "ok")
        })
        let transfer = try await client.open(request(server), deadline: soon())
        #expect(transfer.status == 200)
        #expect(transfer.header("x-early") == nil)
        #expect(transfer.header("x-late") == "1")
    }

    @Test func pausesASlowConsumersTransferAndResumesIt() async throws {
        let sent = Mutex(0)
        let all = AsyncStream<Void>.makeStream()
        let client = CurlClient(
            configuration: .init(maximumResponseBytes: 64 << 20, bufferedBytes: 64 << 10))
        let size = 32 << 20
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
            let piece = [UInt8](repeating: 7, count: 1 << 16)
            for _ in 0..<(size >> 16) {
                try connection.send(piece)
                sent.withLock { $0 += piece.count }
            }
            all.continuation.finish()
        })
        let transfer = try await client.open(request(server), deadline: soon())
        // What another transfer of the same driver takes is time in which an unbounded one would have read on.
        let other = try ScriptedServer(eachConnection: { connection, _ in
            while connection.readRequest() != nil { try connection.answer("ok") }
        })
        for _ in 0..<200 {
            _ = try await read(client.open(request(other), deadline: soon()))
        }
        #expect(sent.withLock { $0 } < size)
        var count = 0
        while let bytes = try await transfer.next() {
            #expect(bytes.allSatisfy { $0 == 7 })
            #expect(bytes.count <= 64 << 10)
            count += bytes.count
        }
        #expect(count == size)
        for await _ in all.stream {}
    }

    @Test func answersAThousandTransfersThatAllWaitAtOnce() async throws {
        let number = 1000
        let server = try ScriptedServer { listener in
            var waiting: [Connection] = []
            while waiting.count < number, let connection = listener.accept() { waiting.append(connection) }
            for (index, connection) in waiting.enumerated() {
                _ = connection.readRequest()
                try connection.answer("\(index)")
            }
        }
        let request = try request(server)
        let answers = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<number {
                group.addTask {
                    let transfer = try await client.open(request, deadline: .now + .seconds(60))
                    return Int(String(decoding: try await read(transfer), as: UTF8.self)) ?? -1
                }
            }
            return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
        }
        #expect(answers == Set(0..<number))
    }
}
