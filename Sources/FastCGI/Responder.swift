/// What answers requests.
public protocol Responder: Sendable {
    /// Answers one request through `writer`. Returning ends the reply: a started stream is completed, and where nothing
    /// was sent the peer gets a 500.
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
