internal import CGumbo

/// Tells markup from the code that looks like it.
///
/// Markup is a tag with one of HTML's element names, or any tag with an attribute that acts. Left alone as code:
/// a comparison (`a<b && c>d`), a type argument (`List<Object>`), an include (`#include <map>`), an address in angle
/// brackets, and elements of other vocabularies.
struct MarkupRule {
    let bytes: UnsafeBufferPointer<UInt8>
    /// Where the last end tag of each name starts.
    let lastEndTags: [String: Int]

    /// Names of other vocabularies whose start tag was markup, so that their end tag is too.
    private var foreignNames: Set<String> = []

    /// HTML of after the parser's time.
    private static let recentElements: Set<String> = ["dialog", "picture"]

    /// Elements that run, load or change how what follows is parsed.
    private static let activeElements: Set<String> = ["script", "style", "iframe", "object", "embed", "svg", "math"]

    /// Elements that people write right after a word and never end.
    private static let inlineVoidElements: Set<String> = ["br", "hr", "img", "input", "wbr"]

    init(bytes: UnsafeBufferPointer<UInt8>, lastEndTags: [String: Int]) {
        self.bytes = bytes
        self.lastEndTags = lastEndTags
    }

    mutating func isMarkup(_ tag: Tag) -> Bool {
        let isHTML = Self.isElement(tag.name)
        if tag.isEndTag { return tag.isClosed && (isHTML || foreignNames.contains(tag.name)) }
        if isLive(tag, isHTML: isHTML) {
            if !isHTML { foreignNames.insert(tag.name) }
            return true
        }
        guard isHTML, tag.isClosed, !isIncluded(tag) else { return false }
        if tag.attributes.hasForeignName { return tag.name == "script" }
        return !isTypeArgument(tag) && !isComparison(tag)
    }

    /// A browser would act on it, whatever else it looks like. Where the tag never closes or its name is no element's,
    /// a foreign name among the attributes makes it a program again: `i <n && style = 1`.
    private func isLive(_ tag: Tag, isHTML: Bool) -> Bool {
        let attributes = tag.attributes
        if !tag.isClosed { return isHTML && attributes.isActive && !attributes.hasForeignName }
        if isHTML || attributes.hasEventHandler { return attributes.isActive }
        return (attributes.isActive || attributes.hasQuotedValue) && !attributes.hasForeignName
    }

    private func isTypeArgument(_ tag: Tag) -> Bool {
        guard followsIdentifier(tag), !precedesWord(tag), !tag.attributes.hasValue, !hasEndTag(tag),
            tag.name != "script"
        else {
            return false
        }
        if Self.inlineVoidElements.contains(tag.name) { return tag.isCapitalised }
        guard Self.activeElements.contains(tag.name) else { return true }
        return tag.attributes.count == 0 && (tag.name == "object" || tag.isCapitalised)
    }

    /// `a <b or c> d`: words where attributes would be, none of them HTML's.
    private func isComparison(_ tag: Tag) -> Bool {
        tag.attributes.hasUnknownFlag && !tag.attributes.hasValue && !hasEndTag(tag)
            && !Self.activeElements.contains(tag.name)
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
