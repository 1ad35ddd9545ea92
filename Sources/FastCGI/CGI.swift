import Glibc

/// Plain CGI (RFC 3875): one request from the environment and standard input, its reply to standard output.
public enum CGI {
    /// Answers the process's one request.
    ///
    /// - Returns: the process's exit code: 0 when the web server has taken a whole reply, else 1.
    public static func respond(with responder: any Responder, limits: Limits = Limits()) async -> Int32 {
        Signals.ignoreBrokenPipes()
        return await respond(
            parameters: Parameters(environment: environ), input: 0, output: 1, with: responder, limits: limits)
    }

    /// Lets go of the web server, which waits for the end of both outputs: what comes now costs its caller nothing.
    public static func hangUp() {
        let nowhere = open("/dev/null", O_RDWR | O_CLOEXEC)
        guard nowhere >= 0 else { return }
        for descriptor: Int32 in 0...2 { dup2(nowhere, descriptor) }
        close(nowhere)
    }

    static func respond(
        parameters: Parameters, input: Int32, output: Int32, with responder: any Responder, limits: Limits
    ) async -> Int32 {
        let body = await onThread {
            readBody(announced: parameters.value("CONTENT_LENGTH"), from: input, limits: limits)
        }
        let request = Request(parameters, body: body ?? .truncated(expected: 0, received: 0))
        let channel = CGIOutput(descriptor: output, sendsBody: request.method != "HEAD")
        let writer = ResponseWriter(channel)
        await responder.respond(to: request, with: writer)
        _ = await writer.close(fallback: { responder.reply(toUnanswered: request) })
        if case .tooLarge = request.body, let announced = request.parameter("CONTENT_LENGTH").flatMap(Int.init) {
            _ = await onThread { skip(announced, of: input, limits: limits) }
        }
        return channel.isComplete ? 0 : 1
    }

    /// Takes a body that was refused: Apache's mod_cgid talks through a socket, and to close that with something unread
    /// would take the reply away.
    private static func skip(_ announced: Int, of input: Int32, limits: Limits) {
        let deadline = ContinuousClock.now + .seconds(limits.readTimeout)
        var piece = [UInt8](repeating: 0, count: 65_536)
        var rest = announced
        while rest > 0 {
            var entry = pollfd(fd: input, events: Int16(POLLIN), revents: 0)
            let left = Int32(clamping: Int64((deadline - .now) / .milliseconds(1)))
            guard left > 0, poll(&entry, 1, left) > 0 else { return }
            let count = read(input, &piece, min(rest, piece.count))
            guard count > 0 else { return }
            rest -= count
        }
    }

    private static func readBody(announced: String?, from input: Int32, limits: Limits) -> Request.Body {
        let expected: Int
        switch Request.Body.announced(announced, limit: limits.bodyBytes) {
        case .refused(let body): return body
        case .bytes(let count): expected = count
        }
        let deadline = ContinuousClock.now + .seconds(limits.readTimeout)
        let bytes = [UInt8](unsafeUninitializedCapacity: expected) { buffer, count in
            while count < expected {
                var entry = pollfd(fd: input, events: Int16(POLLIN), revents: 0)
                let left = Int32(clamping: Int64((deadline - .now) / .milliseconds(1)))
                guard left > 0 else { return }
                let ready = poll(&entry, 1, left)
                if ready < 0, errno == EINTR { continue }
                guard ready > 0 else { return }
                let received = read(input, buffer.baseAddress! + count, expected - count)
                if received < 0, errno == EINTR { continue }
                guard received > 0 else { return }
                count += received
            }
        }
        return bytes.count == expected
            ? .complete(bytes) : .truncated(expected: expected, received: bytes.count)
    }
}
