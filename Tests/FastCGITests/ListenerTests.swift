import FastCGI
import Glibc
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1))) struct ListenerTests {
    typealias Client = FastCGIClient

    @Test func answersAGet() async throws {
        let server = try await Server(answer: Server.describe)
        let reply = try await server.exchange(Client.get("/health?detailed=true"))
        #expect(reply.status == 200)
        #expect(reply.text == "GET /health detailed=true complete 0 0")
        #expect(reply.header("Content-Length") == "\(reply.body.count)")
        #expect(reply.applicationStatus == 0)
        #expect(await server.stop())
    }

    @Test(arguments: [(5, 65_535), (5, 1), (3_000, 1), (65_536, 1_000), (65_536, 65_535), (8_192, 8_192)])
    func readsABodyHoweverItIsSplit(length: Int, recordSize: Int) async throws {
        let server = try await Server(answer: Server.describe)
        let body = (0..<length).map { UInt8($0 % 251) }
        let sum = body.reduce(0) { ($0 &* 31 &+ Int($1)) % 65_521 }
        let reply = try await server.exchange(
            Client.post("/p", length: "\(length)"), body: body, recordSize: recordSize)
        #expect(reply.text == "POST /p  complete \(length) \(sum)")
        #expect(await server.stop())
    }

    @Test func readsABodyThatTricklesInPaddedRecords() async throws {
        let server = try await Server(answer: Server.describe)
        let reply = try await blocking { [path = server.path] in
            let client = try Client(path)
            defer { client.disconnect() }
            for byte in Client.opening(Client.post("/p", length: "20")) { try client.send([byte]) }
            for _ in 0..<20 { try client.send(Client.record(.stdin, [7], padding: 255)) }
            try client.send(Client.record(.stdin, []))
            return try client.readReply()
        }
        #expect(reply.text.hasPrefix("POST /p  complete 20 "))
        #expect(await server.stop())
    }

    @Test func announcesABodyThatEndsEarly() async throws {
        let server = try await Server(answer: Server.describe)
        let reply = try await server.exchange(Client.post("/p", length: "10"), body: [1, 2, 3])
        #expect(reply.text == "POST /p  truncated 10 3")
        #expect(await server.stop())
    }

    @Test func announcesABodyThatStalls() async throws {
        let server = try await Server(Limits(readTimeout: 0.2), answer: Server.describe)
        let reply = try await blocking { [path = server.path] in
            let client = try Client(path)
            defer { client.disconnect() }
            try client.send(Client.opening(Client.post("/p", length: "10")) + Client.record(.stdin, [1, 2, 3]))
            return try client.readReply()
        }
        #expect(reply.text == "POST /p  truncated 10 3")
        #expect(reply.applicationStatus == 0)
        #expect(await server.stop())
    }

    @Test func leavesBytesBeyondTheAnnouncedLengthUnread() async throws {
        let server = try await Server(answer: Server.describe)
        let reply = try await server.exchange(Client.post("/p", length: "2"), body: [0, 1, 0xFF, 0xFF])
        #expect(reply.text == "POST /p  complete 2 1")
        #expect(await server.stop())
    }

    @Test(arguments: ["abc", "-1", "99999999999999999999999"])
    func announcesALengthThatIsNoNumber(length: String) async throws {
        let server = try await Server(answer: Server.describe)
        let reply = try await server.exchange(Client.post("/p", length: length), body: [1])
        #expect(reply.text == "POST /p  invalidLength")
        #expect(await server.stop())
    }

    @Test func answersABodyAboveTheLimitWithoutWaitingForIt() async throws {
        let server = try await Server(Limits(bodyBytes: 100, readTimeout: 60), answer: Server.describe)
        let reply = try await blocking { [path = server.path] in
            let client = try Client(path)
            defer { client.disconnect() }
            try client.send(Client.opening(Client.post("/p", length: "101")) + Client.record(.stdin, [1, 2, 3]))
            return try client.readReply()
        }
        #expect(reply.text == "POST /p  tooLarge 100")
        #expect(await server.stop())
    }

    @Test(arguments: [
        ("inside a record", Array(Client.opening(Client.get("/")).dropLast(25)), ConnectionError.malformed),
        ("between records", Array(Client.opening(Client.get("/")).dropLast(8)), ConnectionError.cutParameters),
        ("before parameters", Client.begin(), ConnectionError.cutParameters),
        ("not FastCGI", Array("GET / HTTP/1.1\r\n\r\n".utf8), ConnectionError.malformed),
        ("another role", Client.begin(role: 3) + Client.record(.params, []), ConnectionError.unsupportedRole(3)),
    ])
    func dropsWhatIsNoRequest(what: String, bytes: [UInt8], fault: ConnectionError) async throws {
        let server = try await Server(answer: Server.describe)
        let reply = try await blocking { [path = server.path] in
            let client = try Client(path)
            defer { client.disconnect() }
            try client.send(bytes)
            shutdown(client.descriptor, Int32(SHUT_WR))
            return try client.readReply()
        }
        #expect(reply.stdout.isEmpty && reply.applicationStatus == nil)
        #expect(await server.nextFault() == fault)
        #expect(try await server.exchange(Client.get("/")).status == 200)
        #expect(await server.stop())
    }

    @Test func servesOthersWhileSilentPeersWait() async throws {
        let server = try await Server(Limits(readTimeout: 60), answer: Server.describe)
        let silent = try (0..<50).map { _ in try Client(server.path) }
        #expect(try await server.exchange(Client.get("/")).status == 200)
        for client in silent { client.disconnect() }
        #expect(await server.stop())
    }

    @Test func closesASilentPeerInTime() async throws {
        let server = try await Server(Limits(readTimeout: 0.2), answer: Server.describe)
        let reply = try await blocking { [path = server.path] in
            let client = try Client(path)
            defer { client.disconnect() }
            return try client.readReply()
        }
        #expect(reply.isClosed)
        #expect(await server.nextFault() == .stalled)
        #expect(await server.stop())
    }

    @Test func servesOthersWhileHalfARequestStalls() async throws {
        let server = try await Server(Limits(readTimeout: 60), answer: Server.describe)
        let half = try Client(server.path)
        try half.send(Client.begin())
        for _ in 0..<20 { #expect(try await server.exchange(Client.get("/")).status == 200) }
        half.disconnect()
        #expect(await server.nextFault() == .cutParameters)
        #expect(await server.stop())
    }

    @Test func endsARequestThatTricklesForEver() async throws {
        let server = try await Server(Limits(readTimeout: 0.3), answer: Server.describe)
        try await blocking { [path = server.path] in
            let client = try Client(path)
            defer { client.disconnect() }
            try client.send(Client.begin())
            var entry = pollfd(fd: client.descriptor, events: Int16(POLLIN), revents: 0)
            while poll(&entry, 1, 1) == 0 { try client.send(Client.record(.params, [0])) }
        }
        #expect(await server.nextFault() == .stalled)
        #expect(try await server.exchange(Client.get("/")).status == 200)
        #expect(await server.stop())
    }

    @Test func answersFiveHundredAtOnce() async throws {
        var files = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files)
        files.rlim_cur = files.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files)

        let gate = Gate()
        let server = try await Server(Limits()) { request, writer in
            await gate.wait()
            await Server.describe(request, writer)
        }
        async let replies = blocking { [path = server.path] in
            let clients = try (0..<500).map { _ in try Client(path) }
            for (number, client) in clients.enumerated() {
                try client.send(Client.opening(Client.get("/\(number)")) + Client.input([]))
            }
            return try clients.map { client in
                defer { client.disconnect() }
                return try client.readReply().text
            }
        }
        await gate.reached(by: 500)
        #expect(server.listener.inFlight == 500)
        gate.open()
        #expect(try await replies == (0..<500).map { "GET /\($0)  complete 0 0" })
        #expect(await server.stop())
    }

    /// What `accept` says of a socket that does not listen is an error that nobody expects.
    @Test func restsWhenAcceptingFailsAndTellsOnce() async throws {
        let socket = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(socket) }
        let faults = Faults()
        let listener = Listener(
            descriptor: socket, responder: Server.Closure(answer: Server.describe), onError: faults.note)
        try await listener.start()
        // The time of three pauses; without them there would be thousands.
        try await Task.sleep(for: .milliseconds(350))
        #expect(faults.all == [.acceptFailed(errno: EINVAL)])
        #expect(await listener.drain(deadline: .now + .seconds(20)))
    }

    @Test func tellsOnceThatNoDescriptorIsFreeAndServesWhenOneIs() async {
        await #expect(processExitsWith: .success) {
            let server = try await Server(answer: Server.describe)
            _ = try await server.exchange(Client.get("/"))
            let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
            let faults = Task { await server.faults.reduce(into: []) { $0.append($1) } }
            var files = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files)
            let before = files.rlim_cur
            files.rlim_cur = 0
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files)
            var address = sockaddr_un(path: server.path)
            _ = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            usleep(350_000)  // not Task.sleep: Dispatch ends the process when it finds no descriptor for its timers
            files.rlim_cur = before
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &files)
            guard try await server.exchange(Client.get("/")).status == 200, await server.stop() else { exit(1) }
            server.endFaults()
            exit(await faults.value.count { $0 == .descriptorsExhausted } == 1 ? 0 : 2)
        }
    }

    private final class Faults: Sendable {
        private let list = Mutex<[ConnectionError]>([])
        var all: [ConnectionError] { list.withLock { $0 } }
        func note(_ fault: ConnectionError) { list.withLock { $0.append(fault) } }
    }
}
