import Testing

@testable import Models

struct RetryAfterTests {
    static let values: [(String, Duration?)] = [
        ("0", .zero), ("120", .seconds(120)), ("Sun, 06 Nov 1994 08:49:37 GMT", .seconds(7)),
        ("Sun, 06 Nov 1994 08:00:00 GMT", .zero), ("", nil), ("-1", nil), ("1.5", nil), ("soon", nil),
        ("99999999999", nil), ("Sun, 06 Nov 1994 08:49:37 CET", nil), ("Sun, 06 Foo 1994 08:49:37 GMT", nil),
    ]

    @Test(arguments: values)
    func reads(value: String, expected: Duration?) {
        #expect(RetryAfter.parse(value, now: 784_111_770) == expected)
    }

    @Test(arguments: [
        ("7s", Duration.seconds(7)), ("0.25s", .milliseconds(250)), ("7", nil), ("-1s", nil), ("infs", nil),
    ])
    func readsProtobuf(text: String, expected: Duration?) {
        #expect(RetryAfter.parse(protobufDuration: text) == expected)
    }
}
