internal import CGumbo

/// Tells markup from the code that looks like it.
///
/// Markup is every tag that a browser would act on, and any other tag with one of HTML's element names. Left alone as
/// code is only what does nothing: a comparison (`a<b && c>d`), a type argument (`List<Object>`), an include
/// (`#include <map>`), an address in angle brackets, and elements of other vocabularies.
struct MarkupRule {
    let bytes: UnsafeBufferPointer<UInt8>
    /// Where the last end tag of each name starts.
    let lastEndTags: [String: Int]

    /// Names of other vocabularies whose start tag was markup, so that their end tag is too.
    private var foreignNames: Set<String> = []

    /// HTML of after the parser's time.
    private static let recentElements: Set<String> = ["dialog", "picture"]

    /// Elements that show something else than what they hold.
    private static let loadingElements: Set<String> = ["iframe", "object", "embed"]

    /// Elements that people write right after a word and never end.
    private static let inlineVoidElements: Set<String> = ["br", "hr", "img", "input", "wbr"]

    init(bytes: UnsafeBufferPointer<UInt8>, lastEndTags: [String: Int]) {
        self.bytes = bytes
        self.lastEndTags = lastEndTags
    }

    mutating func isMarkup(_ tag: Tag) -> Bool {
        let isHTML = Self.isElement(tag.name)
        if tag.isEndTag { return tag.isClosed && (isHTML || foreignNames.contains(tag.name)) }
        guard tag.isClosed else { return isHTML && isActingOnceClosed(tag) }
        if tag.isActing || (!isHTML && isForeignMarkup(tag)) {
            if !isHTML { foreignNames.insert(tag.name) }
            return true
        }
        return isHTML && !tag.attributes.hasForeignName && !isIncluded(tag) && !isTypeArgument(tag)
            && !isComparison(tag)
    }

    /// No element yet: a page that the text is put in may close it. It may as well be a program: `i <b && href = 1`.
    private func isActingOnceClosed(_ tag: Tag) -> Bool {
        tag.attributes.acting.act(on: tag.name)
            && (tag.attributes.acting.contains(.eventHandler) || !tag.attributes.hasForeignName)
    }

    /// An element of another vocabulary with its attributes, not the middle of a program.
    private func isForeignMarkup(_ tag: Tag) -> Bool {
        (tag.attributes.hasQuotedValue || !tag.attributes.acting.isEmpty) && !tag.attributes.hasForeignName
    }

    private func isTypeArgument(_ tag: Tag) -> Bool {
        guard followsIdentifier(tag), !precedesWord(tag), !tag.attributes.hasValue, !hasEndTag(tag) else {
            return false
        }
        if Self.inlineVoidElements.contains(tag.name) { return tag.isCapitalised }
        guard Self.loadingElements.contains(tag.name) else { return true }
        return tag.attributes.count == 0 && (tag.name == "object" || tag.isCapitalised)
    }

    /// `a <b or c> d`: words where attributes would be, none of them HTML's.
    private func isComparison(_ tag: Tag) -> Bool {
        tag.attributes.hasUnknownFlag && !tag.attributes.hasValue && !hasEndTag(tag)
            && !Self.loadingElements.contains(tag.name)
    }

    private func hasEndTag(_ tag: Tag) -> Bool {
        lastEndTags[tag.name].map { $0 >= tag.range.upperBound } ?? false
    }

    private func followsIdentifier(_ tag: Tag) -> Bool {
        let start = tag.range.lowerBound
        guard start > 0 else { return false }
        let previous = bytes[start - 1]
        if previous == UInt8(ascii: ":") { return start > 1 && bytes[start - 2] == previous }
        return TagReader.isLetter(previous) || 0x30...0x39 ~= previous || previous == UInt8(ascii: "_")
    }

    /// `one<p>two` and `x<tr><td>` are markup; after a type argument comes a blank or a mark.
    private func precedesWord(_ tag: Tag) -> Bool {
        guard tag.range.upperBound < bytes.count else { return false }
        let next = bytes[tag.range.upperBound]
        return TagReader.isLetter(next) || 0x30...0x39 ~= next || next >= 0x80 || next == UInt8(ascii: "<")
    }

    /// `#include <map>` and `import <map>`.
    private func isIncluded(_ tag: Tag) -> Bool {
        var end = tag.range.lowerBound
        while end > 0, bytes[end - 1] == 0x20 || bytes[end - 1] == 0x09 { end -= 1 }
        return ["#include", "# include", "import"].contains {
            bytes[..<end].suffix($0.utf8.count).elementsEqual($0.utf8)
        }
    }

    private static func isElement(_ name: String) -> Bool {
        recentElements.contains(name) || gumbo_tagn_enum(name, UInt32(name.utf8.count)) != GUMBO_TAG_UNKNOWN
    }
}
