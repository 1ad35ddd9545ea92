/// One line of a Markdown text, and what it may begin.
struct MarkdownLine {
    let start: Int
    /// Behind its newline.
    let end: Int
    /// In columns.
    let indent: Int

    private let bytes: UnsafeBufferPointer<UInt8>
    /// Without indentation and newline.
    private let content: Range<Int>

    struct Fence {
        let mark: UInt8
        let length: Int
        /// Nothing follows: it may close another.
        let isAlone: Bool
    }

    init(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) {
        self.bytes = bytes
        self.start = start
        let newline = bytes[start...].firstIndex(of: UInt8(ascii: "\n"))
        end = newline.map { $0 + 1 } ?? bytes.count
        var index = start
        var column = 0
        while index < newline ?? end, Self.isBlank(bytes[index]) {
            column += bytes[index] == UInt8(ascii: "\t") ? 4 - column % 4 : 1
            index += 1
        }
        indent = column
        content = index..<(newline ?? end)
    }

    var isBlank: Bool { content.isEmpty }

    var fence: Fence? { fence(at: content.lowerBound) }

    /// Such as `- ~~~`: where it ends depends on what it is in.
    var isFenceInContainer: Bool { container > content.lowerBound && fence(at: container) != nil }

    /// A block of mathematics, to some renderers.
    var isFormula: Bool { starts(with: "$$") || starts(with: "\\[") }

    /// A list's item, or what has its text indented below it to some renderers: a footnote, a definition, a note.
    var startsItem: Bool {
        container > content.lowerBound || starts(with: "[^") || starts(with: ":") || starts(with: "!!!")
            || starts(with: "???")
    }

    /// Such as `<div`, which may make a block in which nothing is code.
    var startsTag: Bool {
        container + 1 < content.upperBound && bytes[container] == UInt8(ascii: "<")
            && Self.opensTag(bytes[container + 1])
    }

    /// One that a blank line does not end.
    var startsEndlessBlock: Bool {
        let name = bytes[container..<content.upperBound].dropFirst()
        return ["!", "?", "pre", "script", "style", "textarea"].contains {
            name.prefix($0.utf8.count).elementsEqual($0.utf8) { $0 | 0x20 == $1 | 0x20 }
        }
    }

    /// The line of a table below its head.
    var isDelimiterRow: Bool {
        bytes[content].allSatisfy { Self.isBlank($0) || "|:->".utf8.contains($0) }
            && bytes[content].contains(UInt8(ascii: "-"))
    }

    static func opensTag(_ byte: UInt8) -> Bool { TagReader.isLetter(byte) || [0x21, 0x2F, 0x3F].contains(byte) }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

    /// Behind the marks of quotations and list items.
    private var container: Int {
        var index = content.lowerBound
        while index < content.upperBound {
            let start = index
            if bytes[index] == UInt8(ascii: ">") {
                index += 1
            } else {
                while index < content.upperBound, 0x30...0x39 ~= bytes[index] { index += 1 }
                let marks = index > start ? ".)" : "-+*"
                guard index < content.upperBound, marks.utf8.contains(bytes[index]) else { return start }
                index += 1
                guard index == content.upperBound || Self.isBlank(bytes[index]) else { return start }
            }
            while index < content.upperBound, Self.isBlank(bytes[index]) { index += 1 }
        }
        return index
    }

    private func fence(at start: Int) -> Fence? {
        guard start + 2 < content.upperBound else { return nil }
        let mark = bytes[start]
        guard mark == UInt8(ascii: "`") || mark == UInt8(ascii: "~") else { return nil }
        let rest = bytes[start..<content.upperBound].drop { $0 == mark }
        let length = rest.startIndex - start
        guard length >= 3, mark == UInt8(ascii: "~") || !rest.contains(mark) else { return nil }
        return Fence(mark: mark, length: length, isAlone: rest.allSatisfy(Self.isBlank))
    }

    private func starts(with mark: String) -> Bool { bytes[content].starts(with: mark.utf8) }
}
