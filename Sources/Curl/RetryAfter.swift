internal import Glibc

/// How long a server asks to wait.
public enum RetryAfter {
    /// Nobody waits as long as this; a greater number counts as this one.
    private static let longest = 1e9

    /// Reads the header's value (RFC 9110, 10.2.3): seconds, also with a fraction, or a date in one of the three forms.
    ///
    /// - Parameter now: seconds since 1970.
    /// - Returns: never negative; nil for a value that is neither.
    public static func parse(_ value: String, now: Int) -> Duration? {
        seconds(value) ?? date(value, now: now).map { .seconds(max(0, $0 - now)) }
    }

    /// Reads a duration of protobuf's JSON form: `"7s"`, `"1.5s"`.
    public static func parse(protobufDuration text: String) -> Duration? {
        text.hasSuffix("s") ? seconds(text.dropLast()) : nil
    }

    private static func seconds(_ text: some StringProtocol) -> Duration? {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }),
            let seconds = Double(text)
        else { return nil }
        return .milliseconds(Int64((min(seconds, longest) * 1_000).rounded(.up)))
    }

    /// As seconds since 1970: `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`,
    /// `Sun Nov  6 08:49:37 1994` (RFC 9110, 5.6.7).
    private static func date(_ text: String, now: Int) -> Int? {
        let parts = text.split { " ,-".contains($0) }
        let isUniversal = parts.count == 6 && parts[5] == "GMT"
        guard isUniversal || parts.count == 5 else { return nil }
        let (day, month, year, time) = isUniversal ? (1, 2, 3, 4) : (2, 1, 4, 3)
        let clock = parts[time].split(separator: ":").compactMap { Int32($0) }
        guard let day = Int32(parts[day]), let month = months.firstIndex(of: String(parts[month])),
            let year = Int32(parts[year]), (0...9999).contains(year), clock.count == 3
        else { return nil }
        var fields = tm()
        fields.tm_mday = day
        fields.tm_mon = Int32(month)
        fields.tm_year = (year < 100 ? fullYear(year, now: now) : year) - 1900
        (fields.tm_hour, fields.tm_min, fields.tm_sec) = (clock[0], clock[1], clock[2])
        return timegm(&fields)
    }

    /// The latest year with these two digits that is at most 50 years ahead.
    private static func fullYear(_ digits: Int32, now: Int) -> Int32 {
        var (seconds, fields) = (time_t(now), tm())
        gmtime_r(&seconds, &fields)
        let latest = fields.tm_year + 1900 + 50
        return latest - (latest - digits) % 100
    }

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
}
