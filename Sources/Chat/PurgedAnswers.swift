/// What tells every worker which cached answers were deleted, so that none gives them from its memory.
///
/// Answers are named by the first eight bytes of their keys.
public protocol PurgedAnswers: Sendable {
    /// Grows with each. To be read at every look into a memory, so it costs next to nothing.
    var count: UInt64 { get }

    /// - Parameter seen: an earlier ``count``.
    /// - Returns: those since then, nil when they are too many to tell; and up to where.
    func purged(since seen: UInt64) -> (answers: [UInt64]?, count: UInt64)

    func announce(_ answers: [UInt64])
}

extension CacheKey {
    /// The first eight bytes of the digest.
    public var prefix: UInt64 { Self.prefix(of: digest) }

    public static func prefix(of digest: [UInt8]) -> UInt64 { digest.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }
}
