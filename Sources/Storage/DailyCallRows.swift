public import Chat
import FoundationEssentials

private let counting = Query(
    """
    INSERT INTO daily_calls (day, calls) VALUES (?1, 1)
    ON CONFLICT (day) DO UPDATE SET calls = calls + 1 WHERE calls < ?2
    """)
private let counted = Query("SELECT calls FROM daily_calls WHERE day = ?")
private let telling = Query("UPDATE daily_calls SET told = ?2 WHERE day = ?1 AND told < ?2")

extension Database: CallCounter {
    public func countCall(ceiling: Int) async throws -> DailyCalls {
        // Other processes see it at once, and it outlives all of them. A power cut ends the call, too.
        try await writer.write(durability: .relaxed) { [self] db in
            let now = now().stored
            let day = now / UsageTally.day
            try db.run(counting, day, ceiling)
            let isAdmitted = db.changes == 1
            let calls = try db.first(counted, day) { $0.int(0) } ?? 0
            var news = DailyCalls.News(calls: calls, of: ceiling)
            if let level = news {
                try db.run(telling, day, level.rawValue)
                if db.changes == 0 { news = nil }
            }
            return DailyCalls(
                day: Int(day), calls: calls, ceiling: ceiling, isAdmitted: isAdmitted,
                remaining: .milliseconds((day + 1) * UsageTally.day - now), news: news)
        }
    }
}
