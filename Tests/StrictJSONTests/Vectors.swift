import FoundationEssentials
import StrictJSON
import Testing

/// Published test documents, kept beside the repository and never in it.
enum Vectors {
    struct Document: CustomTestStringConvertible {
        let name: String
        let expect: String
        let bytes: [UInt8]
        var testDescription: String { name }
    }

    static let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "../shared/vectors/json/jsontestsuite.jsonl").standardizedFileURL

    static var areMissing: Bool { !FileManager.default.fileExists(atPath: file.path) }

    /// The documents stored plainly; the two that are compressed nest 100,000 arrays deep, which `NestingTests` builds.
    static let documents: [Document] = {
        guard let text = try? Data(contentsOf: file) else { return [] }
        return text.split(separator: UInt8(ascii: "\n")).compactMap { line in
            guard let row = try? JSON(parsing: [UInt8](line)), let name = row["name"]?.string,
                let expect = row["expect"]?.string, let base64 = row["b64"]?.string,
                let bytes = Data(base64Encoded: base64)
            else { return nil }
            return Document(name: name, expect: expect, bytes: [UInt8](bytes))
        }
    }()
}
