public import FoundationEssentials

extension Date {
    /// RFC 3339 in UTC with milliseconds: `2026-01-31T12:00:00.000Z`.
    public var iso8601: String { formatted(Self.ISO8601FormatStyle(includingFractionalSeconds: true)) }
}
