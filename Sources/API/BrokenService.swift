public import Chat
public import FastCGI

/// Stands in for a ``ChatService`` that could not be made: whatever is asked gets the one error object. The caller learns
/// nothing of the reason.
public struct BrokenService: Responder {
    private let error: ChatError
    private let telemetry: any Telemetry

    /// - Parameter cause: why there is no service; for the log.
    public init(cause: String, telemetry: any Telemetry) {
        error = ChatError(.internalFault, "This server is not set up as it should be", cause: cause)
        self.telemetry = telemetry
    }

    public func respond(to request: Request, with writer: ResponseWriter) async {
        await RequestContext.serve(request, writer, telemetry, .off) { _ in throw error }
    }

    public func reply(toUnanswered request: Request) -> (head: ResponseHead, body: [UInt8]) {
        ErrorReply.unanswered(request)
    }
}
