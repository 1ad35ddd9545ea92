import FoundationEssentials
import Models

/// The operator's prices, read from the file that `CHAT_PRICES` names.
struct PriceFile: Sendable {
    private static let most = 1 << 20

    let table: PriceTable

    init(_ path: String) throws(SettingFault) {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw SettingFault("names \(path), which cannot be read")
        }
        guard data.count <= Self.most else {
            throw SettingFault("names \(path), which has more than \(Self.most) bytes")
        }
        do { table = try PriceTable(json: Array(data)) } catch { throw SettingFault("names \(path): \(error)") }
    }
}
