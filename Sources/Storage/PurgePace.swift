import Synchronization

private let dataVersion = Query("PRAGMA data_version")

/// How fast a purge goes: as fast as it can while nobody else writes, and hardly at all while somebody does.
///
/// A write has to wait for the purge's own, and the disk then for what both have changed. With small steps and long rests
/// that happens to few.
struct PurgePace {
    /// How long others are taken to be busy after their last write.
    private static let memory = Duration.seconds(1)
    /// With it a step's rows make some 400 a second.
    private static let rest = Duration.milliseconds(50)

    private let writer: GroupCommit
    /// Of this process, this purge's own among them.
    private var writes: Int?
    /// Changes when another process has written (sqlite.org/pragma.html#pragma_data_version).
    private var version: Int64?
    private var othersWrote: ContinuousClock.Instant?

    init(_ writer: GroupCommit) { self.writer = writer }

    /// Of one step.
    var rows: Int { othersWrote == nil ? 50 : 20 }

    /// - Parameter work: removes a step's rows.
    mutating func write<T: Sendable>(_ work: @escaping @Sendable (Statements) throws -> T) async throws -> T {
        let (result, version) = try await writer.write(durability: .relaxed) { db in
            (try work(db), try db.first(dataVersion) { row in row.integer(0) })
        }
        let writes = writer.writes
        let isAlone = self.writes.map { $0 + 1 == writes } ?? true && self.version.map { $0 == version } ?? true
        if !isAlone { othersWrote = .now }
        (self.writes, self.version) = (writes, version)
        return result
    }

    /// - Parameter time: what the last step took.
    mutating func rest(after time: Duration, at now: ContinuousClock.Instant) -> Duration {
        if let last = othersWrote, now - last > Self.memory { othersWrote = nil }
        // A slow disk makes a step long for others' sake, and must not bring the purge to a halt.
        return othersWrote == nil ? time : max(min(time * 100, Self.rest), time * 4)
    }
}
