import Chat
import Glibc
import Testing

@testable import Models

/// Google's recorded bodies, read in many portionings. They lie beside the repository and are not part of it.
@Suite(
    .timeLimit(.minutes(1)),
    .enabled(if: GeminiVectors.directory != nil, "../shared/vectors/gemini is not there"))
struct GeminiVectorTests {
    enum Outcome: Sendable, Equatable {
        case text(_ prefix: String, suffix: String, scalars: Int)
        case failure(ModelFailure.Reason)
    }

    static let bodies: [(String, Outcome)] = [
        ("streaming-failure-empty-content.txt", .failure(.unreachable)),
        ("streaming-failure-finish-reason-safety.txt", .failure(.filtered(reason: "SAFETY"))),
        ("streaming-failure-prompt-blocked-safety.txt", .failure(.filtered(reason: "SAFETY"))),
        ("streaming-failure-recitation-no-content.txt", .failure(.filtered(reason: "RECITATION"))),
        ("streaming-success-basic-reply-long.txt", .text("**Cats:**\n", suffix: " early on.", scalars: 3285)),
        ("streaming-success-basic-reply-short.txt", .text("Cheyenne", suffix: "Cheyenne", scalars: 8)),
        ("streaming-success-citations.txt", .text("1. **Defin", suffix: "e Channel)", scalars: 2413)),
        ("streaming-success-function-call-short.txt", .failure(.empty)),
        ("streaming-success-search-grounding.txt", .text("The curren", suffix: "dingView.\n", scalars: 372)),
        ("streaming-success-utf8.txt", .text("秋风瑟瑟，叶落纷纷，", suffix: "息，领悟秋天的哲理。", scalars: 225)),
        ("streaming-unknown-enum.txt", .text("**Cats:**\n", suffix: " early on.", scalars: 3285)),
        ("unary-failure-citations.json", .failure(.filtered(reason: "RECITATION"))),
        ("unary-failure-empty-content.json", .failure(.empty)),
        ("unary-failure-finish-reason-safety.json", .failure(.filtered(reason: "SAFETY"))),
        ("unary-failure-image-rejected.json", .failure(.refused(status: 400))),
        ("unary-failure-prompt-blocked-safety.json", .failure(.filtered(reason: "SAFETY"))),
        ("unary-success-basic-reply-long.json", .text("1. **Use F", suffix: "f brewing.", scalars: 2104)),
        ("unary-success-basic-reply-short.json", .text("Helena", suffix: "Helena", scalars: 6)),
        ("unary-success-citations.json", .text("1. **Defin", suffix: "ample.com)", scalars: 2615)),
        ("unary-success-logprobs.json", .text("1. **Defin", suffix: "ample.com)", scalars: 2615)),
        ("unary-success-search-grounding.json", .text("The curren", suffix: "d, 2024. \n", scalars: 241)),
        ("unary-unknown-enum.json", .text("1. **Use F", suffix: "f brewing.", scalars: 2104)),
    ]

    @Test(arguments: bodies)
    func readsRecordedBody(name: String, expected: Outcome) throws {
        let body = try GeminiVectors.body(name)
        let sizes = [1, 2, 3, 7, 64, 1000, body.count]
        let outcomes = sizes.map { size in
            stride(from: 0, to: body.count, by: size).map { Array(body[$0..<min($0 + size, body.count)]) }
        }.map(Self.read)
        for outcome in outcomes {
            #expect(outcome == outcomes.last)
            switch (outcome, expected) {
            case (.success(let answer), .text(let prefix, let suffix, let scalars)):
                #expect(answer.text.hasPrefix(prefix))
                #expect(answer.text.hasSuffix(suffix))
                #expect(answer.text.unicodeScalars.count == scalars)
            case (.failure(let failure), .failure(let reason)):
                #expect(failure.reason == reason)
            default:
                Issue.record("\(outcome)")
            }
        }
    }

    @Test(arguments: bodies.filter { $0.0.hasSuffix("short.txt") || $0.0.hasSuffix("utf8.txt") })
    func readsTheSameWhereverASmallBodyIsSplit(name: String, expected: Outcome) throws {
        let body = try GeminiVectors.body(name)
        let whole = Self.read([body])
        for cut in 1..<min(body.count, 1000) {
            #expect(Self.read([Array(body[..<cut]), Array(body[cut...])]) == whole)
        }
    }

    @Test(arguments: bodies.filter { $0.0.hasSuffix("short.txt") || $0.0.hasSuffix("utf8.txt") })
    func neverTakesACutInsideAnEventForAnAnswer(name: String, expected: Outcome) throws {
        let body = try GeminiVectors.body(name)
        let first = body.firstIndex(of: 0x0A) ?? body.count
        for cut in 1..<(first - 1) {
            guard case .failure(let failure) = Self.read([Array(body[..<cut])]) else {
                Issue.record("cut at \(cut)")
                continue
            }
            #expect(failure.reason == .unreachable || failure.reason == .malformed)
        }
    }

    private static let request = try! ProviderFixture.request()

    /// Whether the text that was handed out piece by piece is the answer's, as a side effect of every reading.
    static func read(_ portions: [[UInt8]]) -> Result<ModelAnswer, ModelFailure> {
        var reader = ReplyReader(GeminiReply(model: "configured"))
        do throws(ModelFailure) {
            var text = ""
            for portion in portions { text += try reader.feed(portion) }
            let end = try reader.finish(request)
            #expect(text + end.text == end.answer.text)
            return .success(end.answer)
        } catch {
            return .failure(error)
        }
    }
}

enum GeminiVectors {
    static let directory: String? = {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        let path = "/\(root)/../shared/vectors/gemini"
        return access(path, R_OK) == 0 ? path : nil
    }()

    static func body(_ name: String) throws -> [UInt8] {
        let path = try #require(directory) + "/" + name
        let file = try #require(fopen(path, "r"))
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = fread(&bytes, 1, bytes.count, file)
        return Array(bytes.prefix(count))
    }
}
