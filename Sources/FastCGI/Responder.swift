/// What answers requests.
public protocol Responder: Sendable {
    /// Answers one request through `writer`. Returning ends the reply: a started stream is completed, and where nothing
    /// was sent the peer gets ``reply(toUnanswered:)``.
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

    /// What the peer gets for a request to which `respond(to:with:)` sent nothing.
    func reply(toUnanswered request: Request) -> (head: ResponseHead, body: [UInt8])
}
