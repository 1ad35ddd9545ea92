import FoundationEssentials

/// Published attack strings and ordinary prompts, kept beside the repository and never in it.
enum Vectors {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "../shared/vectors/patterns").standardizedFileURL

    static var areMissing: Bool { !FileManager.default.fileExists(atPath: folder.path) }

    static let attacks = texts("attacks.jsonl")
    static let prompts = texts("benign.jsonl")

    private struct Row: Decodable {
        let payload: String?
        let text: String?
    }

    private static func texts(_ name: String) -> [String] {
        guard let lines = try? Data(contentsOf: folder.appending(path: name)) else { return [] }
        return lines.split(separator: UInt8(ascii: "\n")).compactMap { line in
            let row = try? JSONDecoder().decode(Row.self, from: Data(line))
            return row?.payload ?? row?.text
        }
    }
}
