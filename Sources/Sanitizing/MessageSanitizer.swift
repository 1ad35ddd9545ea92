public import Chat

/// Cleans what a user wrote: control characters go, HTML markup goes, code stays as it was typed.
///
///     raw ──▶ control characters ──▶ markup (smart, strict or not at all) ──▶ text
///      └────▶ detector ──▶ the category of the attack that it looks like
///
/// Nothing is ever refused here. A text that cannot be cleaned within bounds (markup nested in markup more than
/// ``maximumPasses`` deep, more than a parser can read in milliseconds) loses every sign of markup and is reported as
/// dangerous. Texts without a `<` never reach the HTML parser.
public struct MessageSanitizer: Sanitizer {
    public enum Mode: String, Sendable, CaseIterable {
        /// Markup is cut out of the source; everything else stays byte for byte, entities and Markdown code included.
        case smart
        /// What nh3 0.2.20 makes of the text with no tag allowed: parsed as HTML, its text written as HTML.
        case strict
        /// Only control characters go.
        case off
    }

    /// How often markup may appear anew because a removal joined its halves.
    public static let maximumPasses = 8

    private let mode: Mode
    private let detector: Detector

    public init(mode: Mode = .smart) {
        self.mode = mode
        self.detector = .standard
    }

    public func review(_ raw: String) -> Review {
        var raw = raw
        raw.makeContiguousUTF8()
        let plain = ControlCharacters.removed(from: raw)
        let cleaned = clean(plain)
        var found = detector.rule(for: raw)
        if found?.certainty != .sure, !cleaned.text.utf8.elementsEqual(raw.utf8) {
            found = detector.rule(for: cleaned.text) ?? found
        }
        let isSure = found?.certainty == .sure
        if let problem = cleaned.problem, !isSure { return Review(text: cleaned.text, danger: problem) }
        return Review(text: cleaned.text, danger: found?.category.rawValue, isSure: isSure)
    }

    func clean(_ text: String) -> Cleaned {
        switch mode {
        case .off: Cleaned(text: text, problem: nil)
        case .smart:
            text.utf8.contains(UInt8(ascii: "<")) ? MarkupRemover.clean(text) : Cleaned(text: text, problem: nil)
        case .strict: StrictText.clean(text)
        }
    }
}

/// A cleaned text, and why it must not be trusted, if so.
struct Cleaned: Equatable {
    var text: String
    var problem: String?

    static let tooMuchMarkup = "too much markup"
    static let nestedMarkup = "nested markup"
}
