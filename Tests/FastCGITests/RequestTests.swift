import Testing

@testable import FastCGI

@Suite(.timeLimit(.minutes(1))) struct RequestTests {
    @Test(arguments: [
        ("/chat", "/chat"), ("/chat?a=b", "/chat"), ("/a%2Fb?x?y", "/a%2Fb"), ("http://host/x/y?q", "/x/y"),
        ("http://host", "/"), ("http://host?q", "/"), ("*", "*"), ("/http://x", "/http://x"), ("//a//b", "//a//b"),
    ])
    func takesThePathFromTheTarget(target: String, path: String) {
        #expect(Request(parameters: [("REQUEST_URI", target)], body: .complete([])).path == path)
    }

    @Test func aHeaderThatMustBeThereOnceIsNoneWhenItComesTwice() {
        let twice = Request(
            parameters: [("HTTP_A", "1"), ("HTTP_AB", "2"), ("HTTP_A", "3"), ("HTTP_B", "4")], body: .complete([]))
        #expect(twice.header("A") == "1" && twice.onlyHeader("A") == nil)
        #expect(twice.onlyHeader("B") == "4" && twice.onlyHeader("AB") == "2" && twice.onlyHeader("C") == nil)
    }

    @Test func joinsScriptNameAndPathInfoWithoutATarget() {
        let request = Request(parameters: [("SCRIPT_NAME", "/cgi-bin/x"), ("PATH_INFO", "/chat")], body: .complete([]))
        #expect(request.path == "/cgi-bin/x/chat")
    }

    @Test(arguments: [
        ("/", [""]), ("/chat", ["chat"]), ("/%63hat/", ["chat", ""]), ("//a", ["", "a"]),
        ("/a%2Fb/c+d", ["a/b", "c+d"]),
        ("/%C3%A9%e2%82%ac", ["é€"]), ("/%2e%2E", [".."]), ("/%2563", ["%63"]), ("*", nil), ("/%", nil), ("/%4", nil),
        ("/%4g", nil), ("/%g4", nil), ("/a%00", nil), ("/%ff", nil), ("/%c0%af", nil), ("/%ed%a0%80", nil),
    ])
    func decodesTheSegmentsOfAPath(target: String, segments: [String]?) {
        #expect(Request(parameters: [("REQUEST_URI", target)], body: .complete([])).segments == segments)
    }

    @Test func takesPathInfoForDecoded() {
        let request = Request(parameters: [("PATH_INFO", "/a%2Fb/c")], body: .complete([]))
        #expect(request.segments == ["a%2Fb", "c"])
    }

    @Test func findsHeadersByTheirCGINames() {
        let request = Request(
            parameters: [
                ("HTTP_USER_AGENT", "first"), ("HTTP_USER_AGENT", "second"), ("CONTENT_TYPE", "text/plain"),
                ("CONTENT_LENGTH", ""), ("HTTP_EMPTY", ""), ("HTTP_EQUALS", "a=b=c"), ("USER", "x"),
            ], body: .complete([]))
        #expect(request.header("USER_AGENT") == "first")
        #expect(request.header("CONTENT_TYPE") == "text/plain")
        #expect(request.header("CONTENT_LENGTH") == nil)
        #expect(request.header("EMPTY") == "")
        #expect(request.header("EQUALS") == "a=b=c")
        #expect(request.header("USER") == nil)
        #expect(request.header("") == nil)
        #expect(request.parameter("USER") == "x")
        #expect(request.parameter("HTTP_USER") == nil)
    }

    @Test(arguments: ["abc", "-1", "+5", "1e3", "0x10", " 5", "5 ", "٣", "99999999999999999999999"])
    func refusesALengthThatIsNoNumber(text: String) {
        #expect(Request.Body.announced(text, limit: 10) == .refused(.invalidLength))
    }

    @Test func limitsTheAnnouncedLength() {
        #expect(Request.Body.announced(nil, limit: 10) == .bytes(0))
        #expect(Request.Body.announced("", limit: 10) == .bytes(0))
        #expect(Request.Body.announced("010", limit: 10) == .bytes(10))
        #expect(Request.Body.announced("11", limit: 10) == .refused(.tooLarge(limit: 10)))
    }

    @Test func encodesAHead() throws {
        let head = ResponseHead(status: 404, headers: [("X-A", "b"), ("content-length", "9"), ("STATUS", "200")])
        let text = String(decoding: try head.encoded(contentLength: 3), as: UTF8.self)
        #expect(text == "Status: 404 Not Found\r\nX-A: b\r\nContent-Length: 3\r\n\r\n")
        let empty = String(decoding: try ResponseHead(status: 204).encoded(contentLength: 0), as: UTF8.self)
        #expect(empty == "Status: 204 No Content\r\n\r\n")
    }

    @Test(arguments: [
        ("X-A", "b\r\nX-B: c"), ("X-A", "b\nc"), ("X-A", "b\0"), ("X A", "b"), ("X-A:", "b"), ("", "b"), ("X\r\n", "b"),
    ])
    func refusesAHeaderThatBreaksOut(name: String, value: String) {
        #expect(throws: ResponseError.invalidHeader(name)) {
            try ResponseHead(status: 200, headers: [(name, value)]).encoded(contentLength: 0)
        }
    }

    @Test func keepsTheCallersRequestIDWhenItIsSafe() {
        func identifier(_ own: String?) -> String {
            Request(parameters: own.map { [("HTTP_X_REQUEST_ID", $0)] } ?? [], body: .complete([])).identifier()
        }
        #expect(identifier("abc-DEF_1.2") == "abc-DEF_1.2")
        for bad in [nil, "short", "with space", "quote\"quote", String(repeating: "a", count: 65)] {
            let id = identifier(bad)
            #expect(id != bad && id.utf8.count == 32)
        }
    }
}
