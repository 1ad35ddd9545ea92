/// Words that tell prose from statements.
enum Vocabulary {
    /// - Returns: 2 for a word of everyday language, 1 for an unknown word, 0 for one of SQL's or a shell's.
    static func weight(of word: Slice<UnsafeBufferPointer<UInt8>>) -> Int {
        guard word.count > 1 || word.first == UInt8(ascii: "I") || word.first == UInt8(ascii: "a") else { return 0 }
        let key = WordSet.key(of: word) { $0 | 0x20 }
        if everyday.contains(key) { return 2 }
        return statement.contains(key) ? 0 : 1
    }

    private static let everyday = WordSet(
        """
        the an is are was were be been being am it its he she they we you your my me our us this that these those
        what why how when who which whose whom does do did done doing can could should would will shall may might
        must not no yes of to about please explain write give tell show me help make made need want using use used
        example code following there here have has had having i'm don't some any every each other than then
        because while between after before into over under without within very more most much many few less such
        only also just like good best new first difference mean means meaning correct question answer list
        describe create program function write rewrite summarize translate convert generate suggest provide
        compare identify und der die das ist nicht wie ein eine ich wir sie les est une que pour dans avec pas el
        los las una por con para como qué il che di per non sono é não um uma os
        """)

    private static let statement = WordSet(
        """
        select union all from where and or xor insert into values update set delete drop table database order by
        group having limit null exec execute declare waitfor delay like rlike between in is not as case when then
        else end if exists on begin cast convert create alter truncate shutdown procedure analyse top distinct
        count sleep benchmark admin user users username password root true false information schema tables columns
        column name char varchar int cat ls id whoami ping echo dir type net uname curl wget nc bash sh rm sleep
        ifconfig ipconfig netstat phpinfo for update unknown binary collate temporary default unique identified
        offset only version current setting name script alert javascript onload onerror img src svg iframe href
        style div body input value table xss test http
        """)

}

/// A fixed set of words, asked for by hash.
struct WordSet: Sendable {
    private let table: [UInt32]

    init(_ words: String) {
        let keys = words.split(whereSeparator: \.isWhitespace).map { Self.key(of: $0.utf8) { $0 } }
        var table = [UInt32](repeating: 0, count: 2_048)
        for key in keys {
            var slot = Int(key & 2_047)
            while table[slot] != 0 { slot = (slot + 1) & 2_047 }
            table[slot] = key
        }
        self.table = table
    }

    @inline(__always)
    static func key(of word: some Sequence<UInt8>, _ change: (UInt8) -> UInt8) -> UInt32 {
        word.reduce(2_166_136_261) { ($0 ^ UInt32(change($1))) &* 16_777_619 } | 1
    }

    func contains(_ key: UInt32) -> Bool {
        var slot = Int(key & 2_047)
        while table[slot] != 0 {
            if table[slot] == key { return true }
            slot = (slot + 1) & 2_047
        }
        return false
    }
}
