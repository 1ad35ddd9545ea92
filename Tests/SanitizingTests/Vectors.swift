import FoundationEssentials

/// Published attack strings and ordinary prompts, kept beside the repository and never in it.
enum Vectors {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "../shared/vectors/patterns").standardizedFileURL

    static var areMissing: Bool { !FileManager.default.fileExists(atPath: folder.path) }

    static let attacks = rows("attacks.jsonl")
    static let prompts = rows("benign.jsonl").map(\.text)

    private struct Row: Decodable {
        let category: String
        let payload: String?
        let text: String?
    }

    private static func rows(_ name: String) -> [(category: String, text: String)] {
        guard let lines = try? Data(contentsOf: folder.appending(path: name)) else { return [] }
        return lines.split(separator: UInt8(ascii: "\n")).compactMap { line in
            guard let row = try? JSONDecoder().decode(Row.self, from: Data(line)) else { return nil }
            return (row.payload ?? row.text).map { (category: row.category, text: $0) }
        }
    }
}
