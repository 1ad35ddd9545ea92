import Chat
import FoundationEssentials

/// What the model is told before every question, read from the file that `CHAT_SYSTEM_PROMPT_FILE` names, without white space
/// around it.
struct PromptFile: Sendable {
    /// A worker gets the text in its environment, where Linux allows 128 KiB.
    private static let most = 1 << 16

    let text: String

    init(_ path: String) throws(SettingFault) {
        let bytes = try SettingFile.contents(of: path, atMost: Self.most)
        guard let raw = String(validating: bytes, as: UTF8.self) else {
            throw SettingFault("names \(path), which is not UTF-8")
        }
        do { text = try Prompt(raw.replacing("\r\n", with: "\n"), field: "it").text } catch {
            throw SettingFault("names \(path): \(error.message)")
        }
    }
}
