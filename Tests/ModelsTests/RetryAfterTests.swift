import Curl
import Testing

@testable import Models

@Suite(.timeLimit(.minutes(1))) struct RetryAfterTests {
    static let values: [(String, Duration?)] = [
        ("0", .zero), ("120", .seconds(120)), ("Sun, 06 Nov 1994 08:49:37 GMT", .seconds(7)),
        ("Sun, 06 Nov 1994 08:00:00 GMT", .zero), ("", nil), ("-1", nil), ("1.5", .milliseconds(1_500)),
        ("soon", nil), ("1.5.2", nil), ("1e9", nil), (".", nil), ("99999999999", .seconds(1_000_000_000)),
        (String(repeating: "9", count: 400), .seconds(1_000_000_000)),
        ("Sunday, 06-Nov-94 08:49:37 GMT", .seconds(7)), ("Sun Nov  6 08:49:37 1994", .seconds(7)),
        ("Sunday, 06-Nov-44 08:49:37 GMT", .seconds(1_577_923_207)), ("Sunday, 06-Nov-45 08:49:37 GMT", .zero),
        ("Sun, 06 Nov 1994 08:49:37 CET", nil), ("Sun, 06 Foo 1994 08:49:37 GMT", nil),
    ]

    @Test(arguments: values)
    func reads(value: String, expected: Duration?) {
        #expect(RetryAfter.parse(value, now: 784_111_770) == expected)
    }

    @Test(arguments: [
        ("7s", Duration.seconds(7)), ("0.25s", .milliseconds(250)), ("7", nil), ("-1s", nil), ("infs", nil),
        ("99999999999s", .seconds(1_000_000_000)),
    ])
    func readsProtobuf(text: String, expected: Duration?) {
        #expect(RetryAfter.parse(protobufDuration: text) == expected)
    }
}
