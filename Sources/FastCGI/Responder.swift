/// What answers requests.
public protocol Responder: Sendable {
    /// Answers one request through `writer`. Returning ends the reply: a started stream is completed, and where nothing
    /// was sent the peer gets a 500.
    func respond(to request: Request, with writer: ResponseWriter) async
}

/// The reply to a request that its responder left unanswered.
enum FallbackReply {
    static func reply(to request: Request) -> (ResponseHead, [UInt8]) {
        let id = identifier(request.header("X_REQUEST_ID"))
        let body = """
            {"error":"Internal server error","message":"The request could not be answered","details":[],\
            "status_code":500,"request_id":"\(id)"}
            """
        let headers = [(name: "Content-Type", value: "application/json"), (name: "X-Request-ID", value: id)]
        return (ResponseHead(status: 500, headers: headers), Array(body.utf8))
    }

    /// The caller's own id when it is 8 to 64 of `[A-Za-z0-9._-]`, else a fresh one.
    static func identifier(_ offered: String?) -> String {
        if let offered, (8...64).contains(offered.utf8.count), offered.utf8.allSatisfy(isIdentifierByte) {
            return offered
        }
        let digits = String(UInt64.random(in: .min ... .max), radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    private static func isIdentifierByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
