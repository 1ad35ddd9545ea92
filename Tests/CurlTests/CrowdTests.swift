import Curl
import Glibc
import Support
import Synchronization
import Testing

/// Many transfers of one client at once.
@Suite(.timeLimit(.minutes(2)))
struct CrowdTests {
    let client = CurlClient(configuration: .init(connectTimeout: .seconds(20), bufferedBytes: 64 << 10))

    func open(
        _ server: ScriptedServer, headers: [(name: String, value: String)] = [], within limit: Duration = .seconds(60)
    ) async throws -> Transfer {
        let request = try HTTPRequest(method: .post, url: HTTPURL(server.url), headers: headers, body: [1, 2, 3])
        return try await client.open(request, deadline: .now + limit)
    }

    func read(_ transfer: Transfer) async throws -> [UInt8] {
        var all: [UInt8] = []
        while let bytes = try await transfer.next() { all += bytes }
        return all
    }

    @Test func reusesTheConnectionsOfHundredsThatAllWaitAtOnce() async throws {
        let number = 600
        // Each round is answered once all its requests are there: a new connection would leave an old one without.
        let server = try ScriptedServer { listener in
            var connections: [Connection] = []
            while connections.count < number, let connection = listener.accept() { connections.append(connection) }
            for round in 1...2 {
                for connection in connections {
                    guard connection.readRequest() != nil else { return }
                }
                for (index, connection) in connections.enumerated() { try connection.answer("\(round * index)") }
            }
        }
        for round in 1...2 {
            let answers = try await withThrowingTaskGroup(of: Int?.self) { group in
                for _ in 0..<number {
                    group.addTask { Int(String(decoding: try await read(try await open(server)), as: UTF8.self)) }
                }
                return try await group.reduce(into: Set<Int?>()) { $0.insert($1) }
            }
            #expect(answers == Set((0..<number).map { $0 * round }))
        }
    }

    @Test func aCancelledOneHangsUpAtOnceWhileTheOthersGoOn() async throws {
        let (victims, others) = (9, 40)
        let (requests, hasRequests) = AsyncStream<Void>.makeStream()
        let (hangUps, hasHungUp) = AsyncStream<ContinuousClock.Instant>.makeStream()
        let server = try ScriptedServer { listener in
            var cancelled: [(number: Int, connection: Connection)] = []
            var kept: [Connection] = []
            while cancelled.count + kept.count < victims + others, let connection = listener.accept() {
                guard let number = connection.readRequest()?.headers["x-number"].flatMap({ Int($0) }) else { return }
                if number < victims { cancelled.append((number, connection)) } else { kept.append(connection) }
            }
            hasRequests.yield()
            for victim in cancelled.sorted(by: { $0.number < $1.number }) {
                guard victim.connection.waitForHangUp() else { return }
                hasHungUp.yield(.now)
            }
            for connection in kept { try connection.answer("still here") }
        }
        let tasks = (0..<victims + others).map { number in
            Task { try await read(try await open(server, headers: [("X-Number", "\(number)")])) }
        }
        var readiness = requests.makeAsyncIterator()
        await readiness.next()
        var ends = hangUps.makeAsyncIterator()
        var delays: [Duration] = []
        for task in tasks.prefix(victims) {
            let start = ContinuousClock.now
            task.cancel()
            delays.append(start.duration(to: try #require(await ends.next())))
        }
        // The median: a busy machine may hold up one of them.
        #expect(delays.sorted()[victims / 2] < .milliseconds(100))
        for task in tasks.dropFirst(victims) {
            #expect(try await task.value == Array("still here".utf8))
        }
    }

    @Test func manyPausedOnesAreResumedOneByOne() async throws {
        let (number, size) = (8, 1 << 20)
        let sent = Mutex(0)
        let server = try ScriptedServer(eachConnection: { connection, _ in
            guard let request = connection.readRequest(), let mark = request.headers["x-mark"].flatMap({ UInt8($0) })
            else { return }
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(size)\r\n\r\n")
            for _ in 0..<(size >> 16) { try connection.send([UInt8](repeating: mark, count: 1 << 16)) }
            sent.withLock { $0 += 1 }
            // A connection that is used again shows that nothing of the body was left in it.
            while connection.readRequest() != nil { try connection.answer("again") }
        })
        var transfers: [Transfer] = []
        for mark in 0..<number { transfers.append(try await open(server, headers: [("X-Mark", "\(mark)")])) }
        for (mark, transfer) in transfers.enumerated() {
            var count = 0
            while let bytes = try await transfer.next() {
                #expect(bytes.first == UInt8(mark) && bytes.last == UInt8(mark))
                count += bytes.count
            }
            #expect(count == size)
        }
        #expect(sent.withLock { $0 } == number)
        #expect(try await read(try await open(server)) == Array("again".utf8))
    }

    /// 200 of them have 28 ms between two looks at each, in which several pieces come.
    @Test func manyStreamsUnderWayLetWhatComesGather() async throws {
        let (number, rounds) = (200, 100)
        let areSteady = Mutex(false)
        let server = try ScriptedServer { listener in
            var connections: [Connection] = []
            while connections.count < number, let connection = listener.accept() {
                guard connection.readRequest() != nil else { return }
                try connection.begin()
                try connection.chunk("begin ")
                connections.append(connection)
            }
            while !areSteady.withLock({ $0 }) { poll(nil, 0, 1) }
            for round in 1...rounds {
                for connection in connections { try connection.chunk("\(round) ") }
                poll(nil, 0, 3)
            }
            for connection in connections { try connection.send("0\r\n\r\n") }
        }
        var transfers: [Transfer] = []
        for _ in 0..<number {
            let transfer = try await open(server)
            #expect(try await transfer.next() == Array("begin ".utf8))
            await transfer.gather()
            transfers.append(transfer)
        }
        let start = ContinuousClock.now
        areSteady.withLock { $0 = true }
        let whole = (1...rounds).map { "\($0) " }.joined()
        let reads = try await withThrowingTaskGroup(of: Int.self) { group in
            for transfer in transfers {
                group.addTask {
                    var (text, reads) = ([UInt8](), 0)
                    while let bytes = try await transfer.next() { (text, reads) = (text + bytes, reads + 1) }
                    #expect(String(decoding: text, as: UTF8.self) == whole)
                    return reads
                }
            }
            return try await group.reduce(0, +)
        }
        let looks = Int((ContinuousClock.now - start) / .milliseconds(28)) + 3
        #expect(reads <= number * looks)
        #expect(looks < rounds)
    }

    @Test func aPausedOneCanBeCancelledAndTimesOutOnlyWhenItIsRead() async throws {
        let (hangUps, hasHungUp) = AsyncStream<Bool>.makeStream()
        let server = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(64 << 20)\r\n\r\n")
            let piece = [UInt8](repeating: 1, count: 1 << 16)
            do { while true { try connection.send(piece) } } catch { hasHungUp.yield(true) }
        })
        let transfer = try await open(server)
        #expect(try await transfer.next() != nil)
        // Nobody waits for this one when its deadline passes, as another one's deadline shows.
        await transfer.moveDeadline(to: .now)
        let silent = try ScriptedServer(eachConnection: { connection, _ in
            _ = connection.readRequest()
            _ = connection.waitForHangUp()
        })
        await #expect(throws: CurlError.self) { try await open(silent, within: .milliseconds(50)) }
        await transfer.moveDeadline(to: .now + .seconds(60))
        #expect(try await transfer.next() != nil)
        await transfer.cancel()
        var events = hangUps.makeAsyncIterator()
        #expect(await events.next() == true)
    }

    @Test func eachTimesOutAtItsOwnDeadlineWhileOthersStart() async throws {
        let server = try ScriptedServer { listener in
            var connections: [Connection] = []
            while let connection = listener.accept() { connections.append(connection) }
        }
        // Whoever is forgotten in a round has nobody after it whose deadline would bring the driver back.
        for _ in 0..<20 {
            let late = await withTaskGroup(of: Duration?.self) { group in
                for number in 0..<100 {
                    group.addTask {
                        let deadline = ContinuousClock.now + .milliseconds(1 + number % 20)
                        do {
                            let request = try HTTPRequest(method: .get, url: HTTPURL(server.url))
                            _ = try await client.open(request, deadline: deadline)
                            return nil
                        } catch {
                            return (error as? CurlError)?.kind == .timedOut ? deadline.duration(to: .now) : nil
                        }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(late.allSatisfy { $0.map { $0 >= .zero && $0 < .seconds(30) } ?? false })
        }
    }
}
