/// How programs, queries and command lines begin; an injected string begins with what it breaks out of.
enum CodeOpening {
    /// Behind how many words of somebody's own a statement may begin: "ok, SELECT 1", "what is x.y()".
    private static let wordsBefore = 2

    static func begins(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard var start = text.firstIndex(where: { $0 > 0x20 }) else { return false }
        if isIndented(text, start) { return true }
        for place in 0...wordsBefore {
            let isFirst = place == 0
            while opens(text[start]), start + 1 < text.count { start += 1 }
            let end = text[start...].prefix(24).firstIndex { !isWord($0) } ?? min(start + 24, text.count)
            guard end > start else { return isFirst && marks.contains { text[start...].starts(with: $0) } }
            let word = text[start..<end]
            if isFirst ? opens(text, with: word) : continues(text, with: word) { return true }
            // An operator joins what follows to something else.
            guard word.allSatisfy({ 0x61...0x7A ~= $0 | 0x20 }), !joins(word) else { return false }
            start = end < text.count && text[end] == UInt8(ascii: ",") ? end + 1 : end
            guard start + 1 < text.count, text[start] == blank else { return false }
            start += 1
        }
        return false
    }

    private static func opens(
        _ text: UnsafeBufferPointer<UInt8>, with word: Slice<UnsafeBufferPointer<UInt8>>
    ) -> Bool {
        let end = word.endIndex
        let key = WordSet.key(of: word) { $0 }
        func byte(_ distance: Int) -> UInt8 { end + distance < text.count ? text[end + distance] : 0x0A }
        switch byte(0) {
        case blank where byte(1) == equals && byte(2) == blank: return !word.starts(with: "on".utf8)
        case blank where beginsOption(byte(1), byte(2), byte(3)) && isName(word): return true
        case blank: return beforeBlank.contains(key) || !isDigit(byte(1)) && beginsStatement(word)
        case equals: return byte(1) == UInt8(ascii: "$") || byte(1) == UInt8(ascii: "`")
        case UInt8(ascii: ";"), 0x0A: return beforeBlank.contains(key) || beginsStatement(word)
        case UInt8(ascii: "("), UInt8(ascii: "."): return beforeCall.contains(key)
        default: return false
        }
    }

    /// A statement or a call behind words.
    private static func continues(
        _ text: UnsafeBufferPointer<UInt8>, with word: Slice<UnsafeBufferPointer<UInt8>>
    ) -> Bool {
        guard word.endIndex + 1 < text.count else { return false }
        switch text[word.endIndex] {
        case blank: return !isDigit(text[word.endIndex + 1]) && beginsStatement(word)
        case UInt8(ascii: ";"): return beginsStatement(word)
        case UInt8(ascii: "."): return beforeCall.contains(WordSet.key(of: word) { $0 })
        default: return false
        }
    }

    private static func joins(_ word: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        operators.contains(WordSet.key(of: word) { $0 | 0x20 })
    }

    /// By a tab or by four blanks.
    private static func isIndented(_ text: UnsafeBufferPointer<UInt8>, _ start: Int) -> Bool {
        guard start > 0 else { return false }
        return text[start - 1] == 0x09 || start >= 4 && text[start - 1] == blank && text[start - 4] == blank
    }

    /// `-x` or `--long`.
    private static func beginsOption(_ first: UInt8, _ second: UInt8, _ third: UInt8) -> Bool {
        guard first == UInt8(ascii: "-") else { return false }
        return second == UInt8(ascii: "-") ? isWord(third) : second > 0x3F && isWord(second)
    }

    /// More than one letter, of which one is the first.
    private static func isName(_ word: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        word.count > 1 && word[word.startIndex] | 0x20 > 0x60
    }

    private static func beginsStatement(_ word: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        sql.contains(WordSet.key(of: word) { $0 | 0x20 })
    }

    private static func isDigit(_ byte: UInt8) -> Bool { 0x30...0x39 ~= byte }

    /// What stands before a statement: a bracket, or the quotes of the program that has it.
    private static func opens(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "(") || byte == UInt8(ascii: "\"") }

    private static func isWord(_ byte: UInt8) -> Bool {
        0x61...0x7A ~= byte | 0x20 || 0x30...0x39 ~= byte || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
    }

    private static let blank = UInt8(ascii: " ")
    private static let equals = UInt8(ascii: "=")

    private static let marks = [
        "//", "#!", "#include", "# ", "/**", "./", "{ ", "( ", "(cd ", "$ ", ">>> ", "--- ", "```", "diff ",
    ].map {
        Array($0.utf8)
    }

    private static let sql = WordSet(
        """
        select insert update delete create alter drop truncate grant revoke show describe use begin commit rollback with
        explain from where join left inner group set values perform operator
        """)

    private static let operators = WordSet(
        "or and xor not having where union all intersect except minus like in between as order group limit")

    private static let beforeCall = WordSet(
        "console print printf println self this db math fmt System std db os sys re")

    private static let beforeBlank = WordSet(
        """
        import from def class func let var const return if for while public private static package using use fn
        struct int void char function async await export try catch switch self extension protocol enum typedef
        unsigned print find grep sed awk tar git ssh scp rsync docker kubectl sudo apt brew npm yarn pip pip3 make
        cd mkdir cp mv ln chmod chown du df ps kill top tail head sort uniq wc cut tr xargs tee mount umount
        systemctl service journalctl export alias source set unset test read while until case done then else fi do
        history man which time watch curl cat zcat tac echo printf who w env getent dig nslookup ifconfig ip ping
        gunzip gzip zip unzip cal od xxd hexdump nl rev fold column expand printenv hostname id whoami pwd groups
        last file stat basename dirname readlink realpath type yes true false finger bind pstree md5sum sha256sum
        strings bc expr dd lsof netstat ss route crontab screen tmux nohup sh bash zsh env wget openssl python
        python2 ruby perl php gcc clang go cargo node python3 java javac sleep date seq split join paste diff comm
        rm ls touch
        """)

}
