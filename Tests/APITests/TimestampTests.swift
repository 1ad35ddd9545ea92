import API
import FoundationEssentials
import Testing

@Suite(.timeLimit(.minutes(1))) struct TimestampTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z"), (951_827_696_789, "2000-02-29T12:34:56.789Z"),
        (1_798_761_599_999, "2026-12-31T23:59:59.999Z"), (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        (2_264_464_803_639, "2041-10-04T02:00:03.639Z"), (593_575_608_142, "1988-10-23T02:06:48.142Z"),
    ])
    func showsAMillisecondAsItIs(milliseconds: Int, text: String) {
        #expect(Date(timeIntervalSince1970: Double(milliseconds) / 1_000).iso8601 == text)
    }

    /// A reply shows the time that the request came; the history shows what the database has of it, whole milliseconds.
    @Test func showsAMillisecondOnceItIsOver() {
        #expect(Date(timeIntervalSince1970: 1_700_000_000.9996).iso8601 == "2023-11-14T22:13:20.999Z")
    }
}
