/// What answers requests.
public protocol Responder: Sendable {
    /// Answers one request through `writer`. Returning ends the reply: a started stream is completed, and where nothing
    /// was sent the peer gets a 500.
    ///
    /// The task that this runs in is cancelled when the FastCGI peer closes the connection before the reply is complete;
    /// nginx does that when its client has gone. Nothing can be sent any more: what is written throws
    /// ``ResponseError/peerGone``. Wind up soon, and return without a reply; that is then no ``ConnectionError/unanswered(path:)``.
    /// A responder that takes no notice goes on working, and counts as in flight until it returns. A peer that has only
    /// ended its own side still reads: it cancels nothing. Nor does anything once the reply is complete, nor in plain
    /// CGI, where the web server ends the process.
    ///
    /// Cancellation handlers run on the event loop: they must not block.
    func respond(to request: Request, with writer: ResponseWriter) async
}

/// The reply to a request that its responder left unanswered.
enum FallbackReply {
    static func reply(to request: Request) -> (ResponseHead, [UInt8]) {
        let id = request.identifier()
        let body = """
            {"error":"Internal server error","message":"The request could not be answered","details":[],\
            "status_code":500,"request_id":"\(id)"}
            """
        let headers = [(name: "Content-Type", value: "application/json"), (name: "X-Request-ID", value: id)]
        return (ResponseHead(status: 500, headers: headers), Array(body.utf8))
    }
}
