import CLinux
import Chat
import EventLoop
import Foundation
import Support
import Synchronization
import Testing

@testable import Relay

/// What a follower was told.
private final class Heard: Sendable {
    private let events = Mutex<[AnswerEvent]>([])

    @Sendable func take(_ event: AnswerEvent, _ cache: RequestTrace.CacheOutcome?) {
        events.withLock { $0.append(event) }
    }

    var all: [AnswerEvent] { events.withLock { $0 } }
    var deltas: [AnswerDelta] {
        all.flatMap { event -> [AnswerDelta] in if case .deltas(let deltas, _) = event { deltas } else { [] } }
    }
    var text: String { deltas.map { if case .text(let text) = $0 { text } else { "" } }.joined() }
    var place: MessagePlace? { all.compactMap { if case .asked(let place) = $0 { place } else { nil } }.first }
}

/// Two workers of a pool of its own: number 1 makes answers, number 2 follows them.
@Suite(.timeLimit(.minutes(1))) struct RelayTests {
    private let name = RelayName(pool: "test-\(getpid())-\(UInt64.random(in: 0 ... .max))")
    private let client: RelayClient
    private let digest = [UInt8](repeating: 7, count: 32)
    private let id = ExchangeID(number: 5 << 10 | 1)
    private var call: RelayedAnswer { .call(id, digest: digest) }

    init() { client = RelayClient(name, worker: 2) }

    private func serve(_ source: @escaping @Sendable (RelayedAnswer) -> RelayServer.Source?) async throws -> RelayServer
    {
        let server = RelayServer(source)
        #expect(await server.start(name, worker: 1))
        return server
    }

    private func serve(_ feed: AnswerFeed) async throws -> RelayServer {
        try await serve { [call] in $0 == call ? .feed(feed) : nil }
    }

    private func follow(_ answer: RelayedAnswer, from offset: Int = 0, _ heard: Heard) async throws -> RelayEnd? {
        try await client.follow(answer, from: offset, by: .now + .seconds(20), heard.take)
    }

    @Test func aFollowerGetsTheTextSoFarAndTheRestAsItComes() async throws {
        let (feed, heard) = (AnswerFeed(), Heard())
        let server = try await serve(feed)
        feed.take(.text("one "))
        let following = Task { try await follow(call, heard) }
        try await until("the first part has come") { heard.text == "one " }
        feed.take(.text("zwei é "))
        try await until("the second part has come") { heard.text == "one zwei é " }
        let tool = AnswerDelta.toolCall(
            ToolCallDelta(index: 1, id: "a", name: nil, arguments: #"{"a":1}"#, thoughtSignature: "s"))
        feed.take(tool)
        feed.finish()
        #expect(try await following.value == .over)
        #expect(heard.deltas.last == tool)
        try await until("nobody follows") { server.isIdle }
    }

    @Test func whatIsNotThereOrNotProvedIsUnknown() async throws {
        let heard = Heard()
        #expect(try await follow(call, heard) == .unknown, "no such worker")
        let server = try await serve(AnswerFeed())
        #expect(try await follow(.call(id, digest: Array(repeating: 8, count: 32)), heard) == .unknown)
        #expect(try await follow(.stream(id, StreamOwner(.random())), heard) == .unknown)
        #expect(heard.all.isEmpty && server.isIdle)
    }

    @Test func aStreamIsContinuedFromItsPlace() async throws {
        let (owner, streams, gate) = (StreamOwner(.random()), ResumableStreams(), AsyncStream<Void>.makeStream())
        let place = MessagePlace(id: id, conversation: ConversationID(first: ExchangeID(number: 9)), parent: nil)
        let stream = streams.begin(for: [StreamOwner(.random()), owner]) { onAnswer in
            try? await onAnswer(.asked(place), nil)
            try? await onAnswer(.admitted, .miss)
            try? await onAnswer(.deltas([.text("one ")], from: 0), .miss)
            for await _ in gate.stream {}
            try? await onAnswer(.deltas([.text("two")], from: 4), .miss)
            return (.failure(CancellationError()), RequestTrace())
        }
        let server = try await serve { answer in
            guard case .stream(let id, let owner) = answer else { return nil }
            return streams.stream(id, of: owner).map { .stream($0) }
        }
        let first = Heard()
        let connection = Task { try await stream.follow(first.take) }
        try await until("the first part has come") { first.text == "one " }
        let (whole, rest) = (Heard(), Heard())
        let following = [(whole, 0), (rest, 2)].map { heard, place in
            Task { try await follow(.stream(id, owner), from: place, heard) }
        }
        try await until("both follow") { whole.text == "one " && rest.text == "e " }
        #expect(try await follow(.stream(id, owner), from: 5, Heard()) == .noSuchPlace)
        #expect(try await follow(.stream(id, StreamOwner(.random())), Heard()) == .unknown)
        connection.cancel()
        gate.continuation.finish()
        for task in following { #expect(try await task.value == .failed) }
        #expect(whole.place == place && whole.text == "one two" && rest.text == "e two")
        try await until("nothing is under way") { streams.isEmpty && server.isIdle }
    }

    @Test func whoFollowsAStreamThatIsStoppedIsToldSo() async throws {
        let (owner, streams) = (StreamOwner(.random()), ResumableStreams())
        let place = MessagePlace(id: id, conversation: ConversationID(first: id), parent: nil)
        let stream = streams.begin(for: [owner]) { onAnswer in
            try? await onAnswer(.asked(place), nil)
            try? await onAnswer(.deltas([.text("one ")], from: 0), .miss)
            while !Task.isCancelled { await Task.yield() }
            return (.failure(CancellationError()), RequestTrace())
        }
        let server = try await serve { _ in .stream(stream) }
        let connection = Task { try await stream.follow(Heard().take) }
        let heard = Heard()
        let following = Task { try await follow(.stream(id, owner), heard) }
        try await until("the first part has come") { heard.text == "one " }
        stream.stop()
        #expect(try await following.value == .stopped)
        _ = try await connection.value
        try await until("nothing is under way") { streams.isEmpty && server.isIdle }
    }

    @Test func aWorkerThatDiesIsLost() async throws {
        let listener = clinux_abstract_socket(name.socket(of: 1), 1)
        defer { close(listener) }
        let replies: [(bytes: [UInt8], end: RelayEnd)] = [
            ([], .unknown), (RelayFrame.delta(.text("one ")).bytes, .lost), (Array("garbage!".utf8), .unknown),
            ([3, 255, 255, 255, 255, 0], .unknown),
            (RelayFrame.delta(.text("one ")).bytes + [3, 0, 0, 0, 9], .lost),
        ]
        for reply in replies {
            let heard = Heard()
            let following = Task { try await follow(call, heard) }
            var peer: Int32 = -1
            try await until("it has come") {
                peer = clinux_accept(listener)
                return peer >= 0
            }
            var request: [UInt8] = Array(repeating: 0, count: 128)
            try await until("it has asked") { recv(peer, &request, request.count, 0) == RelayRequest.size }
            _ = send(peer, reply.bytes, reply.bytes.count, Int32(MSG_NOSIGNAL))
            close(peer)
            #expect(try await following.value == reply.end)
        }
    }

    @Test func garbageAndSilenceEndTheConnection() async throws {
        let server = try await serve(AnswerFeed())
        for bytes in [
            Array(repeating: UInt8(ascii: "x"), count: 500), Array(RelayRequest(call, from: 0).bytes.dropLast()),
        ] {
            let peer = clinux_abstract_socket(name.socket(of: 1), 0)
            _ = send(peer, bytes, bytes.count, Int32(MSG_NOSIGNAL))
            if bytes.count < RelayRequest.size { shutdown(peer, Int32(SHUT_WR)) }
            var byte: UInt8 = 0
            try await until("it is closed") {
                let count = recv(peer, &byte, 1, 0)
                return count == 0 || count < 0 && errno == ECONNRESET
            }
            close(peer)
        }
        try await until("nobody follows") { server.isIdle }
    }

    @Test func aFollowerThatTakesNothingHoldsUpNobody() async throws {
        let (feed, heard) = (AnswerFeed(), Heard())
        let server = try await serve(feed)
        let slow = clinux_abstract_socket(name.socket(of: 1), 0)
        let request = RelayRequest(call, from: 0).bytes
        #expect(send(slow, request, request.count, Int32(MSG_NOSIGNAL)) == request.count)
        let following = Task { try await follow(call, heard) }
        let piece = String(repeating: "x", count: 100_000)
        for number in 1...20 {
            feed.take(.text(piece))
            try await until("piece \(number) has come") { heard.text.utf8.count == number * piece.utf8.count }
        }
        feed.finish()
        #expect(try await following.value == .over)
        #expect(!server.isIdle)
        close(slow)
        try await until("nobody follows") { server.isIdle }
    }

    @Test func whoStopsFollowingIsForgotten() async throws {
        let (feed, heard) = (AnswerFeed(), Heard())
        let server = try await serve(feed)
        feed.take(.text("x"))
        let following = Task { try await follow(call, heard) }
        try await until("the first part has come") { heard.text == "x" }
        following.cancel()
        await #expect(throws: CancellationError.self) { try await following.value }
        #expect(try await client.follow(call, from: 0, by: .now + .milliseconds(20), heard.take) == nil)
        try await until("nobody follows") { server.isIdle }
    }
}
