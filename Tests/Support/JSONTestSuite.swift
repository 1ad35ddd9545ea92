import FoundationEssentials

/// nst/JSONTestSuite's documents, kept beside the repository and never in it.
public enum JSONTestSuite {
    public struct Document: Sendable {
        public let name: String
        /// `accept`, `reject` or `either`.
        public let expect: String
        public let bytes: [UInt8]
    }

    private struct Row: Decodable {
        let name: String
        let expect: String
        let b64: Data?
    }

    private static let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "../shared/vectors/json/jsontestsuite.jsonl").standardizedFileURL

    public static var isMissing: Bool { !FileManager.default.fileExists(atPath: file.path) }

    /// The documents stored plainly; the two that are compressed nest 100,000 arrays deep, which other tests build.
    public static let documents: [Document] = {
        guard let text = try? Data(contentsOf: file) else { return [] }
        return text.split(separator: UInt8(ascii: "\n")).compactMap { line in
            guard let row = try? JSONDecoder().decode(Row.self, from: line), let bytes = row.b64 else { return nil }
            return Document(name: row.name, expect: row.expect, bytes: [UInt8](bytes))
        }
    }()
}
