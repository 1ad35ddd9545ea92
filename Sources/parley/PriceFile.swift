import Models

/// The operator's prices, read from the file that `CHAT_PRICES` names.
struct PriceFile: Sendable {
    private static let most = 1 << 20

    let table: PriceTable

    init(_ path: String) throws(SettingFault) {
        let json = try SettingFile.contents(of: path, atMost: Self.most)
        do { table = try PriceTable(json: json) } catch { throw SettingFault("names \(path): \(error)") }
    }
}
