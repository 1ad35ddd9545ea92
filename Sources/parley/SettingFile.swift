import FoundationEssentials

/// What a setting's file holds.
enum SettingFile {
    /// - Throws: ``SettingFault`` when it cannot be read, or has more bytes.
    static func contents(of path: String, atMost most: Int) throws(SettingFault) -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw SettingFault("names \(path), which cannot be read")
        }
        guard data.count <= most else { throw SettingFault("names \(path), which has more than \(most) bytes") }
        return Array(data)
    }
}
