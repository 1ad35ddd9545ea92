import Chat
import FoundationEssentials
import Sanitizing
import Testing

/// What people type and paste: follow-ups, fragments, smileys, file names, lines of programs and of terminals. Each line
/// of `Tests/Ordinary` is a message, with `\n`, `\t` and `\\` in `lines.txt`. None may be held, and few may be marked.
@Suite(.timeLimit(.minutes(1))) struct OrdinaryTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Ordinary")

    @Test(arguments: [
        "chat-1", "chat-2", "chat-3", "code-1", "code-2", "code-3", "code-4", "languages", "lines",
    ])
    func holdsNone(of name: String) throws {
        let file = try String(contentsOf: Self.folder.appending(path: "\(name).txt"), encoding: .utf8)
        let messages = file.split(separator: "\n").map { name == "lines" ? Self.unescaped($0) : String($0) }
        #expect(messages.count > 10)
        for mode in [MessageSanitizer.Mode.off, .smart] {
            let sanitizer = MessageSanitizer(mode: mode)
            var marked: [String] = []
            for message in messages {
                let review = sanitizer.review(message)
                guard let danger = review.danger, !danger.contains("markup") else { continue }
                if review.isSure { Issue.record("\(danger): \(message.debugDescription)") }
                marked.append("\(danger): \(message)")
            }
            #expect(marked.count * 15 <= messages.count, "\(marked)")
        }
    }

    /// The same in a row, as a hasty writer would send them, and with a question's words around.
    @Test(arguments: ["chat-1", "chat-2", "chat-3", "code-1", "code-2", "code-3"])
    func holdsNoneWithWordsAround(_ name: String) throws {
        let file = try String(contentsOf: Self.folder.appending(path: "\(name).txt"), encoding: .utf8)
        let sanitizer = MessageSanitizer(mode: .off)
        for line in file.split(separator: "\n") {
            for message in ["what is \(line)", "\(line)?", "ok, \(line)", "\(line) please"] {
                let review = sanitizer.review(message)
                guard let danger = review.danger, review.isSure else { continue }
                Issue.record("\(danger): \(message.debugDescription)")
            }
        }
    }

    private static func unescaped(_ line: Substring) -> String {
        var text = ""
        var isEscape = false
        for character in line {
            if isEscape {
                text.append(character == "n" ? "\n" : character == "t" ? "\t" : character)
                isEscape = false
            } else if character == "\\" {
                isEscape = true
            } else {
                text.append(character)
            }
        }
        return text
    }
}
