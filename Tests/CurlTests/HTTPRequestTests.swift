import Curl
import Testing

@Suite(.timeLimit(.minutes(1))) struct HTTPRequestTests {
    @Test(arguments: [
        "ftp://example.com/", "file:///etc/passwd", "example.com", "http://", "https://user:secret@example.com/",
        "http://example.com/a b", "http://example.com/\r\nX: y", "http://exämple.com/", "http://a:99999/", "",
        "http:example.com", "http:///path", "http://:80/", "http://a:80:80/", "http://a:-1/", "http://a:x/",
        "http://a b/",
        "http://a\\b/", "http://a,b/", "http://a%41/", "http://[::1/", "http://::1/", "http://[]/", "http://[a]/",
        "http://[::1]a/", "http://[::1]:x/", "http://[::1%]/", "http://@/", "https://key@example.com", "http://?a",
    ])
    func refusesAddress(_ text: String) {
        #expect(throws: CurlError.self) { try HTTPURL(text) }
    }

    @Test func acceptsAddresses() throws {
        let url = try HTTPURL("HTTPS://example.com:8443/v1?alt=sse")
        #expect(url.host == "example.com" && url.port == 8443)
        #expect(url.hasQueryOrFragment)
        #expect(try HTTPURL("http://[::1]:11434/v1").host == "[::1]")
        #expect(try HTTPURL("http://[fe80::1%25eth0]/").host == "[fe80::1%25eth0]")
        #expect(try HTTPURL("http://model_1.internal:8000?x#y").host == "model_1.internal")
        #expect(try HTTPURL("http://127.0.0.1:").host == "127.0.0.1")
        #expect(try HTTPURL("http://example.com").port == 80 && HTTPURL("https://example.com:/v1").port == 443)
    }

    @Test(arguments: [
        ("X", "a\r\nY: b"), ("X", "a\nb"), ("X", "a\0b"), ("X\r\nY", "a"), ("X Y", "a"), ("", "a"), ("X:", "a"),
    ])
    func refusesAHeaderThatForgesAnother(name: String, value: String) throws {
        let url = try HTTPURL("http://example.com/")
        let error = #expect(throws: CurlError.self) {
            try HTTPRequest(method: .get, url: url, headers: [(name, value)])
        }
        #expect(error?.kind == .invalidRequest)
        #expect(error?.detail.contains(value) == false || value == "a")
    }
}
