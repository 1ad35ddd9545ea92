import Chat
import Logging
import Models
import SharedMemory

extension CallCeiling {
    /// - Returns: nil when a day may have any number of calls.
    init?(_ settings: Settings, counter: any CallCounter, on board: Board, log: Logger) throws(SettingFault) {
        let calls = try settings.sources.required(Catalog.dailyCalls)
        guard calls > 0 else { return nil }
        self.init(calls, counter: counter, on: board) { log.note($0, $1) }
    }
}

extension Logger {
    fileprivate func note(_ today: DailyCalls, _ news: DailyCalls.News) {
        let facts: Logger.Metadata = [
            "calls": .stringConvertible(today.calls), "limit": .stringConvertible(today.ceiling),
            "day_ends_in_s": .stringConvertible(Int(today.remaining.milliseconds / 1_000)),
        ]
        switch news {
        case .nearlySpent: warning("daily calls nearly used up", metadata: facts)
        case .spent: error("daily calls used up", metadata: facts)
        }
    }
}
