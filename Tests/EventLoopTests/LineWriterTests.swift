import EventLoop
import Foundation
import Glibc
import Testing
import Threads

@Suite(.timeLimit(.minutes(1))) struct LineWriterTests {
    private func writer(_ descriptor: Int32, limit: Int = 1 << 20) -> LineWriter {
        let writer = LineWriter(descriptor: descriptor, limit: limit) { Array("lost \($0)\n".utf8) }
        writer.neverWait()
        return writer
    }

    /// A writer's descriptor, and its reader's.
    private func pair(_ make: (UnsafeMutablePointer<Int32>) -> Int32) throws -> (writing: Int32, reading: Int32) {
        var ends: [Int32] = [0, 0]
        try #require(make(&ends) == 0)
        return (ends[1], ends[0])
    }

    private func lines(_ range: Range<Int>) -> [String] {
        range.map { "\($0) " + String(repeating: "x", count: 300) }
    }

    /// Lines from `descriptor` up to those that came with one that begins with `prefix`.
    private func read(_ descriptor: Int32, until prefix: String) async throws -> [String] {
        let text = try await onThread {
            var bytes: [UInt8] = []
            var seen = 0
            var piece = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = Glibc.read(descriptor, &piece, piece.count)
                guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
                bytes += piece.prefix(count)
                guard bytes.last == UInt8(ascii: "\n") else { continue }
                let recent = String(decoding: bytes[seen...], as: UTF8.self)
                seen = bytes.count
                if recent.split(separator: "\n").contains(where: { $0.hasPrefix(prefix) }) {
                    return String(decoding: bytes, as: UTF8.self)
                }
            }
        }
        return text.split(separator: "\n").map(String.init)
    }

    private func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            do {
                try BlockingThread.detach { continuation.resume(returning: body()) }
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    /// One that reads as fast as is written, but never all.
    @Test func aReaderThatIsAlwaysBehindCostsNoMemory() async throws {
        let (writing, reading) = try pair { pipe($0) }
        let writer = writer(writing)
        let line = [UInt8](repeating: UInt8(ascii: "x"), count: 65_535) + [UInt8(ascii: "\n")]
        for _ in 0..<6 { writer.write(line) }
        let before = try resident()
        try await onThread {
            var piece = [UInt8](repeating: 0, count: line.count)
            for _ in 0..<800 {
                var count = 0
                while count < piece.count { count += max(0, Glibc.read(reading, &piece, piece.count - count)) }
                writer.write(line)
            }
        }
        #expect(try resident() - before < 20 << 20, "50 MiB have passed")
        close(reading)
    }

    /// Bytes of memory that this process has now.
    private func resident() throws -> Int {
        let text = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8)
        return try #require(Int(text.split(separator: " ")[1])) * sysconf(Int32(_SC_PAGESIZE))
    }

    @Test func theLinesOfOneTurnLeaveInOneWrite() async throws {
        // Of this kind of socket each write is a message of its own.
        let (writing, reading) = try pair { socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, $0) }
        let writer = writer(writing)
        await Task { @LoopActor in for line in ["a\n", "b\n", "c\n"] { writer.write(Array(line.utf8)) } }.value
        let onLoop = try await message(reading)
        #expect(onLoop == "a\nb\nc\n")
        writer.write(Array("d\n".utf8))
        writer.write(Array("e\n".utf8))
        #expect(try await [message(reading), message(reading)] == ["d\n", "e\n"])
        for end in [writing, reading] { close(end) }
    }

    private func message(_ descriptor: Int32) async throws -> String {
        try await onThread {
            var bytes = [UInt8](repeating: 0, count: 4_096)
            let count = Glibc.read(descriptor, &bytes, bytes.count)
            return String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
        }
    }

    enum Kind: CaseIterable { case pipe, socket, pipeOfAnother }

    private func pair(_ kind: Kind, limit: Int = 1 << 20) throws -> (writing: Int32, reading: Int32, writer: LineWriter)
    {
        switch kind {
        case .pipe, .socket:
            let (writing, reading) = try pair {
                kind == .pipe ? Glibc.pipe($0) : socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, $0)
            }
            return (writing, reading, writer(writing, limit: limit))
        case .pipeOfAnother:
            let (writing, reading) = try pair { Glibc.pipe($0) }
            // A pipe without a reader cannot be opened once more, nor can another user's.
            close(reading)
            let writer = writer(writing, limit: limit)
            let reader = open("/proc/self/fd/\(writing)", O_RDONLY)
            try #require(reader >= 0)
            return (writing, reader, writer)
        }
    }

    @Test(arguments: Kind.allCases)
    func aReaderThatIsStuckHoldsUpNobodyAndLosesNothing(kind: Kind) async throws {
        let (writing, reading, writer) = try pair(kind)
        let all = lines(0..<2_000)
        // More than the kernel takes, on the loop and off it.
        await Task { @LoopActor in for line in all.prefix(1_000) { writer.write(Array("\(line)\n".utf8)) } }.value
        await Task { @LoopActor in }.value
        for line in all.dropFirst(1_000) { writer.write(Array("\(line)\n".utf8)) }
        #expect(fcntl(writing, F_GETFL) & O_NONBLOCK == 0, "it is of other processes too")
        let flushed = try await onThread { writer.flush(within: .milliseconds(10)) }
        #expect(!flushed)
        async let isFlushed = onThread { writer.flush(within: .seconds(20)) }
        let seen = try await read(reading, until: "1999 ")
        #expect(seen == all)
        #expect(try await isFlushed)
        for end in [writing, reading] { close(end) }
    }

    @Test(arguments: Kind.allCases)
    func saysHowManyLinesItHasLostOnceItCan(kind: Kind) async throws {
        let (writing, reading, writer) = try pair(kind, limit: 100_000)
        // What the kernel holds, what may wait, and more.
        let all = lines(0..<5_000)
        for line in all { writer.write(Array("\(line)\n".utf8)) }
        var seen = try await read(reading, until: "lost ")
        writer.write(Array("after\n".utf8))
        if !seen.contains("after") { seen += try await read(reading, until: "after") }
        let kept = seen.filter { $0 != "after" && !$0.hasPrefix("lost ") }
        let lost = seen.reduce(0) { $0 + ($1.hasPrefix("lost ") ? Int($1.dropFirst(5)) ?? 0 : 0) }
        #expect(lost > 0 && kept.count + lost == all.count)
        #expect(kept == Array(all.prefix(kept.count)))
        for end in [writing, reading] { close(end) }
    }

    @Test func countsWhatAReaderThatHasGoneDoesNotTake() async throws {
        signal(SIGPIPE, SIG_IGN)
        let (writing, reading) = try pair { socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, $0) }
        let writer = writer(writing)
        close(reading)
        for _ in 0..<3 { writer.write(Array("nobody\n".utf8)) }
        let (another, reader) = try pair { socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, $0) }
        dup2(another, writing)
        close(another)
        writer.neverWait()
        writer.write(Array("somebody\n".utf8))
        #expect(try await read(reader, until: "lost") == ["somebody", "lost 3"])
        for end in [writing, reader] { close(end) }
    }
}
