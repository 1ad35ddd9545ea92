public import FoundationEssentials
internal import Glibc

extension Date {
    /// RFC 3339 in UTC with milliseconds: `2026-01-31T12:00:00.000Z`.
    ///
    /// Foundation's own format makes a calendar first, which is a twentieth of a CGI process's time, and is a millisecond
    /// early for half of the times that are whole milliseconds, as those in the database are.
    public var iso8601: String {
        // What is added makes up for what a whole millisecond loses as a fraction of seconds.
        let milliseconds = Int((timeIntervalSince1970 * 1_000 + 0.001).rounded(.down))
        var (seconds, parts) = (milliseconds / 1_000, tm())
        gmtime_r(&seconds, &parts)
        return String(unsafeUninitializedCapacity: 24) { text in
            _ = text.update(fromContentsOf: "0000-00-00T00:00:00.000Z".utf8)
            func put(_ number: some BinaryInteger, endingAt last: Int) {
                var (rest, place) = (Int(number), last)
                while rest > 0, place >= 0 {
                    text[place] += UInt8(rest % 10)
                    (rest, place) = (rest / 10, place - 1)
                }
            }
            put(parts.tm_year + 1_900, endingAt: 3)
            put(parts.tm_mon + 1, endingAt: 6)
            put(parts.tm_mday, endingAt: 9)
            put(parts.tm_hour, endingAt: 12)
            put(parts.tm_min, endingAt: 15)
            put(parts.tm_sec, endingAt: 18)
            put(milliseconds % 1_000, endingAt: 22)
            return 24
        }
    }
}
