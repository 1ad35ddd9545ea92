internal import Glibc

/// How long a provider asks to wait.
enum RetryAfter {
    /// Reads the header's value (RFC 9110, 10.2.3): seconds, or a date as RFC 9110 wants it sent.
    ///
    /// - Parameter now: seconds since 1970.
    /// - Returns: never negative; nil for a value that is neither.
    static func parse(_ value: String, now: Int) -> Duration? {
        if value.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            return Int32(value).map { .seconds($0) }
        }
        return date(value).map { .seconds(max(0, $0 - now)) }
    }

    /// Reads a duration of protobuf's JSON form: `"7s"`, `"1.5s"`.
    static func parse(protobufDuration text: String) -> Duration? {
        guard text.hasSuffix("s"), let seconds = Double(text.dropLast()), (0...1e9).contains(seconds) else {
            return nil
        }
        return .seconds(seconds)
    }

    /// `Sun, 06 Nov 1994 08:49:37 GMT` as seconds since 1970.
    private static func date(_ text: String) -> Int? {
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[5] == "GMT", let day = Int32(parts[1]), let year = Int32(parts[3]),
            let month = months.firstIndex(of: String(parts[2])), (1970...9999).contains(year)
        else { return nil }
        let time = parts[4].split(separator: ":").compactMap { Int32($0) }
        guard time.count == 3 else { return nil }
        var fields = tm()
        fields.tm_mday = day
        fields.tm_mon = Int32(month)
        fields.tm_year = year - 1900
        (fields.tm_hour, fields.tm_min, fields.tm_sec) = (time[0], time[1], time[2])
        return timegm(&fields)
    }

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
}
