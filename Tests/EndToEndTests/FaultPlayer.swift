/// Plays one fault on one connection.
struct FaultPlayer {
    /// No test lasts as long; the thread ends then.
    private static let longest = Duration.seconds(60)

    private let connection: ProviderConnection
    private let reply: FaultyReply
    private let onSilence: () -> Void
    /// When the client did, before its reply was over.
    private(set) var hungUp: ContinuousClock.Instant?

    /// - Parameter onSilence: hears of it when there is nothing more to say on an open connection.
    init(connection: ProviderConnection, reply: FaultyReply, onSilence: @escaping () -> Void) {
        self.connection = connection
        self.reply = reply
        self.onSilence = onSilence
    }

    /// - Returns: whether the connection can take another request.
    mutating func play(_ fault: FaultyProvider.Fault) -> Bool {
        switch fault {
        case .answer: return stream(reply.whole + reply.endMark) && end()
        case .refuse(let status, let retryAfter): return answer(status, reply.error(status), retryAfter: retryAfter)
        case .reset:
            connection.resetOnClose()
            return false
        case .hangUp: return false
        case .silence: return hold()
        case .late(let delay):
            return begin() && pause(delay) && send(reply.whole + reply.endMark) && end()
        case .comments:
            guard begin() else { return false }
            while chunk(": still working\n\n"), pause(.milliseconds(100)) {}
            return false
        case .thinking(let time):
            let end = ContinuousClock.now + time
            guard begin() else { return false }
            while .now < end { if !send([reply.thought]) || !pause(.milliseconds(100)) { return false } }
            return send(reply.whole + reply.endMark) && self.end()
        case .brokenError:
            return say("HTTP/1.1 500 Scripted\r\nContent-Length: 1000\r\n\r\n" + reply.error(500)) && hold()
        case .cut(let count):
            _ = stream(reply.beginning(count))
            return false
        case .unfinished(let count): return stream(reply.beginning(count)) && end()
        case .brokenByError(let count):
            return stream(reply.beginning(count) + [reply.flatError] + reply.endMark) && end()
        case .brokenLater(let count):
            return stream(reply.beginning(count)) && pause(.seconds(1)) && send([reply.flatError] + reply.endMark)
                && end()
        case .stall(let count): return stream(reply.beginning(count)) && hold()
        case .brokenJSON(let place):
            var events = reply.whole
            events[place - 1] = String(events[place - 1].prefix(events[place - 1].count / 2))
            return stream(events + reply.endMark) && end()
        case .noEndMark: return stream(reply.whole) && end()
        case .staysOpen: return stream(reply.whole) && hold()
        case .empty(let finish): return stream(reply.empty(finish) + reply.endMark) && end()
        case .tooLong: return answer(400, reply.tooLong)
        case .filtered:
            let (status, text) = reply.promptBlocked
            return status == 200 ? stream([text]) && end() : answer(status, text)
        case .filteredAnswer(let count): return stream(reply.stoppedByFilter(after: count) + reply.endMark) && end()
        case .after(let delay, let fault): return pause(delay) && play(fault)
        }
    }

    private mutating func answer(_ status: Int, _ body: String, retryAfter: String? = nil) -> Bool {
        let wait = retryAfter.map { "Retry-After: \($0)\r\n" } ?? ""
        return say(
            "HTTP/1.1 \(status) Scripted\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n"
                + wait + "\r\n" + body)
    }

    private mutating func begin() -> Bool {
        say("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
    }

    private mutating func stream(_ events: [String]) -> Bool { begin() && send(events) }

    private mutating func send(_ events: [String]) -> Bool {
        for event in events where !chunk(reply.framed(event)) { return false }
        return true
    }

    private mutating func end() -> Bool { chunk("") }

    private mutating func chunk(_ text: String) -> Bool {
        say(String(text.utf8.count, radix: 16) + "\r\n\(text)\r\n")
    }

    private mutating func say(_ text: String) -> Bool {
        guard connection.send(text) else {
            hungUp = hungUp ?? .now
            return false
        }
        return true
    }

    /// Says nothing more until the client hangs up.
    private mutating func hold() -> Bool {
        onSilence()
        _ = pause(Self.longest)
        return false
    }

    /// - Returns: false when the client hung up meanwhile.
    private mutating func pause(_ time: Duration) -> Bool {
        hungUp = connection.hangUp(until: .now + time)
        return hungUp == nil
    }
}
