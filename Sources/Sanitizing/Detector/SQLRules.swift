extension Rule {
    /// Conditions that a text adds to a statement's own.
    static let conditions: [Rule] = [
        // The first quote of the text is a closing one: an operator follows it, with what it is applied to.
        Rule(
            "condition after a quote", .sql, .bare, "' \" `",
            #"""
            ^[^'"`]{0,80}+(?:['"`](?:\)+\s?|\s|(?=\||&|or['"(\d!~-]|and['"(\d!~-]))(?:(?:or|and|xor|having|where\#
            |\|\||&&)[\s(+\-!~]{0,6}(?:['"`](?=[\w'"%(\\\[{])(?![\w\s.,!?-]{0,40}['"`]?[.,;!?\s]{0,3}$)(?!\s?(?:or\#
            |and)\s?['"])|[\d.]+\s?(?:[=<>!]|--|#|/\*|is\b|like|between|in\b|r?like)|(?<!\d['"`] or )\d+\s?$\#
            |[@\w.]{1,30}\s?(?:[=<>(]|!=|is\b|in\s?\(|like\b|between|rlike|regexp|--|#)|\(|\\)\#
            |(?:rlike|regexp|div|mod|like|in|between|is|not)[\s(]{1,3}(?:['"`(]|\d+\s?(?:--|#|$|and|or|=)|null|not)\#
            |(?:order|group)\sby\s|limit\s\d|union\s?(?:all\s?)?[\s(]select|procedure\sanalyse\#
            |into\s(?:out|dump)file|;\s?\w{4,9}\s|(?:insert|replace)\sinto\s|create\suser\s|drop\stable\s\#
            |delete\sfrom\s|as\s\w+\s(?:where|from))|['"]\s?(?:not )?(?:regexp|r?like|glob)\s?['"(][\w%'"^]\#
            |['"]\s?::\s?(?:json|int|text|varchar|numeric)\b.{0,20}[=<>])
            """#,
            finds: ["' OR 1=1 --", "admin' or '1'='1' --", "') or ('a'='a"],
            passes: ["Answer 'yes' or 'no'.", "the boys' or girls' team", "'a' or 'b'?", "' or \"?"]),
        // An operator between a value and a comparison, with no statement before them, or two literals compared.
        Rule(
            "condition that always holds", .sql, .bare, "or and xor having where not || && like",
            #"""
            \b(?:or|and|xor|having|where|not)[\s(!~\-+]{1,8}(?:-?\d+|'[^']{0,40}'|"[^"]{0,40}")\)*\s?(?:=|<=>|<>|!=\#
            |(?:not )?like|rlike|is (?:not )?(?:null|true|false)\#
            |between\s\d)[\s(!~\-+]{0,3}(?:-?\d+(?!\s?[\w?+%^.]|\s?[*/-]\s?[\w(])|['"]|\s?$|and\b)\#
            |^(?:-?\d+|[^\s=<>('"`]{0,30}['"`])\)*\s(?:or|and|xor|having|where|not|\|\|\#
            |&&)[\s(!~\-+]{1,8}\#(operand)\)*\s?\#(compared)\#
            |^[^\s=<>(]{0,30}\)+\s(?:or|and|xor|having|where|\|\||&&)[\s(!~\-+]{1,8}\#(operand)\)*\s?(?:=|<|>|like\#
            |is)\s?\S{1,30}$\#
            |^\S{0,30}\s(?:or|and|\|\||&&)\s(?:\d+\s?[<>]=?\s?\d+|true\s?(?:--|#)\#
            |\w{1,30}\s(?:like|is)\s(?:['"]|not null\s?(?:--|#)))\#
            |(?:\|\||&&)[\s(!~\-+]{0,8}(?:\d+|['"][^'"]{0,40}['"])\)*\s?(?:=|r?like)\s?['"\d]\#
            |\b(?:or|and)\s(\w{1,20})\s?=\s?\g{-1}(?!\s?[\w(+*/.])\#
            |\b(?:or|and) \d+\s?(?:--|#|/\*)\#
            |^\W{0,4}(?:or|and)\s(?:true|\w{1,20}\s?=\s?\w{1,20})\s?(?:--|#)\#
            |^[^'"]{0,20}['"]\s(?:or|and)\s['"]\d{1,2}$\#
            |^[^'"]{0,30}['"]\s?(?:\|\||&&)\s?(?:\d+|true|not)\s?(?:$|--|#)\#
            |^\W{0,3}'\w*'\s?=\s?'\w*$|^['")]+\s?\d+\s?=\s?\d+
            """#,
            finds: ["1 or 1=1", "1 and 1=2", "admin or 1=1", "1 or username like '%'", "1) or (a=1"],
            passes: [
                "What does the 'or' operator do? And 'and', 'or', 'not'?", "and 3 = ?", "x or y > 3?", "1 or 2?",
                "must be true or false", "x and y < 2", "1=1 is true", "beer and programming = buggy code",
            ]),
        // What stands behind the input is commented out.
        Rule(
            "comment after a quote", .sql, .bare, "-- # /*",
            #"""
            ^(?:[^'"`]{0,80}[^\s'"`])?['"`]\)*\s?;?\s?(?:--(?:\s?$|[\s+-]{1,3}\w{0,16}$)|#\s?$|/\*.{0,10}$)\#
            |; ?-- ?$|^\S{0,20}['"\d)] ?--\s?[+-]$
            """#,
            finds: ["admin' --", "1'#", "1'--", "x';--"], passes: ["'--help'", "x--", "\"#fff\",", "5#"]),
        // Quotes that only make sense inside the quotes of a statement.
        Rule(
            "quotes around an operator", .sql, .bare, "' \"",
            #"""
            ^[^'"\s]{1,20}['"]\s?(?:\|\||\+|-|\^|\*|&|=|<=>|!=|<>)\s?['"]\w{0,20}$\#
            |^['"]\)*\s?[=<>]\s?\d|^[^'"=]{0,20}'\s?=\s?0\b\#
            |^'\s?(?:or|and|xor|\|\||&&)\s?'{1,2}\s?=\s?'?$|^'(?:-|\^|\*|\+|&|=)'\w
            """#,
            finds: ["' or ''='", "x'='", "'=0--"], passes: ["'-'", "\"a\" + \"b\"", "'a' = 'b'", "equery list '*'"]),
        // Finds out how many columns there are.
        Rule(
            "clause after a value", .sql, .bare, "by limit having",
            #"""
            \#(brokenOut)\s?(?:#.{0,20}|--.{0,20})?\s?(?:(?:order|group) by [\w(]|limit \d+\s?[,;]|having \w)\#
            |^\d{1,9}\)+\s?from\s\w{1,30}\swhere\s\#
            |\border by (?:\d{1,6}\s?(?:--|#|/\*)|(?:[3-9]\d|\d{3,5})\s?$)
            """#,
            finds: ["1' order by 10--", " ORDER BY 31", "1 order by 3"],
            passes: ["order by date", "GROUP BY 1", "LIMIT 5, 10"]),
    ]

    /// Statements and calls that a text adds.
    static let statements: [Rule] = [
        // Another query is joined to one that is not there.
        Rule(
            "joined query", .sql, .bare, "union intersect except minus AND select values",
            #"""
            (?:\b|\d)(?:union(?:[\s(+@~!.\-]|/\*){1,40}(?:(?:all|distinct\#
            |distinctrow)\b[\s(+]{0,4})?["']?\(?\s?(?:select\b|values\s?\()\#
            |(?:intersect|except|minus)[\s(]{1,4}(?:all[\s(]{1,4})?select\s(?:\d|null|char|concat|.{1,60}\sfrom\s))
            """#,
            finds: ["1 UNION ALL SELECT", "1 UNION SELECT password", "1 un/**/ion/**/select 1 union/**/select 2"],
            passes: ["the UNION selected a few friends", "everything except select boxes", "union, select and join"]),
        // A statement is ended and another one begins.
        Rule(
            "second statement", .sql, .bare,
            """
            ; AND drop delete insert update exec execute declare shutdown waitfor truncate alter create \
            grant revoke select begin backup bulk copy call handler merge replace load if
            """,
            #"""
            (?:^|['"\d\w)\s]);+\s?\(?\s?(?:drop\s(?:table|database|schema|view|user|login)|delete\sfrom|insert\sinto\#
            |replace\sinto|merge\sinto|load\sdata|update\s\w{1,40}\sset\b|exec(?:ute)?[\s(]\s?['"(@\w.]{2}\#
            |declare\s@|shutdown\s?(?:--|;|$|with)|waitfor\s(?:delay|time)|truncate\stable\#
            |alter\s(?:table|database|login|user|role)|create\s(?:table|user|login|database|or\s)\#
            |grant\s.{1,40}\s(?:on|to)\s|revoke\s.{1,40}\sfrom\s\#
            |select\s(?:\S{1,60}\s(?:from|into)|@@|pg_sleep|version|\(|case\s|\d|benchmark|sleep|\*|user\b|current\#
            |load)|backup\s(?:database|log)|bulk\sinsert|copy\s\w{1,40}\s?(?:\(|from|to)\#
            |handler\s\w{1,40}\s(?:open|read)|if\s?\(\s?\(?\s?\(?(?:select|\d))
            """#,
            finds: ["'; DROP TABLE users; --", "1;exec master..xp_cmdshell 'dir'"],
            passes: ["ok; create one", "x; select one", "no; insert here", "BEGIN; UPDATE t SET a = 1; COMMIT;"]),
        // A blind attack asks by how long the answer takes.
        Rule(
            "delay", .sql, .bare, "sleep benchmark pg dbms randomblob waitfor",
            #"""
            (?:\b(?:and|or|xor|select|if|then|when|union|having|rlike|like|in)\b|['"`+|*)(-]\#
            |,(?=s))\s?\(?\s?sleep\s?\(\s?['"]?\d{1,3}['"]?\s?\)\s?(?:[)'"`#,|&]|--|/\*|and\b|or\b|=|<|>|as\b\#
            |$)(?<!await sleep\(\d{4}\))|\bsleep\s?\(\s?\d{1,3}\s?\)\s?(?:#|--|/\*)\#
            |benchmark\s?\(\s?\d{4,}|pg_sleep\s?\(|dbms_lock\.sleep\#
            |dbms_pipe\.receive_message|randomblob\s?\(\s?\d{5}\#
            |waitfor\s(?:delay|time)\s?['"\d@(]
            """#,
            finds: ["1 and sleep(5)", "'; WAITFOR DELAY '0:0:5'--"],
            passes: ["sleep(8)", "await sleep(1000);", "time.sleep(5)", "benchmark results"]),
        // Catalogues, files and procedures that a statement around it would be asked for.
        Rule(
            "insides of a database", .sql, .bare,
            """
            schema sysobjects syscolumns sysdatabases sysusers syslogins sysprocesses sysibm xp sp utl dbms load \
            extractvalue updatexml into pg all user dba sqlite mysql procedure master v char chr concat openrowset \
            exec execute declare bulk rownum group unhex x
            """,
            #"""
            (?:from|join|,)[\s(`"+]{1,3}(?:information_schema\#
            |sys(?:objects|columns|databases|users|logins|processes)|sysibm\.|syscat\.\#
            |pg_(?:user|shadow|database|class|catalog)|all_(?:tables|users|tab)|(?:user|dba)_(?:tables|users|tab)\#
            |sqlite_master|mysql\.user|master\.\.|v\$\w|dual\b).{0,60}?(?:--|#|/\*|\)\s?(?:=|<|>|and|or|as|,|\)|$)\#
            |limit\s\d|where\s|$)|\bexec(?:ute)?\s(?:sp_|xp_|master|immediate)|\.\.xp_\w\#
            |\bxp_(?:cmdshell|reg\w{4,}|dirtree|fileexist)\s?['"(]\#
            |\bload_file\s?\(\s?['"(cx0]|extractvalue\s?\(\s?[\d'"xr]\#
            |updatexml\s?\(\s?[\d'"xnr]|into\s(?:out|dump)file\s?['"(]\#
            |\butl_(?:http|inaddr|file|smtp|tcp)\.\#
            |\bdbms_(?:pipe|lock|ldap|java|xml\w+|export|random|assert)\w*\.\#
            |procedure analyse\s?\(|cha?r\s?\(\d{2,3}\)\s?(?:\+|\|\||,|%2b)\s?cha?r\s?\(\#
            |concat(?:_ws)?\s?\(\s?(?:0x|user|version|database|char\s?\(|@@|\(select|cha?r\()\#
            |openrowset\s?\(|declare\s?@\w{1,20}\s?(?:varchar|nvarchar|char|int|as\b)\#
            |bulk insert \w|cast\s?\(\s?(?:0x|cha?r\(|\(select|version)
            """#,
            finds: [
                "1 and extractvalue(1,concat(0x7e,version()))", "1 and (select 1 from information_schema.tables)=1",
            ],
            passes: ["concat(a, b)", "char(10)?", "xp_cmdshell?", "#define LIMIT 0x80000002", "information_schema?"]),
        // A function of those that blind attacks are made of, behind a value and an operator.
        Rule(
            "call after a value", .sql, .bare,
            """
            ( @@ AND and or xor like rlike div having where if in by limit select case when union \
            + * , = < > | & - / ; ^ ~ %
            """,
            #"""
            \#(brokenOut)\s?(?:\b(?:and|or|xor|r?like|div|having|where|in|(?:order|group) by|limit|union|as|end)\b\#
            |\|\||&&|[+*,=<>|&/;^~%-]).{0,120}?(?:\b(?:sub(?:str|string)?|mid|ascii|ord|cha?r|cast|convert\#
            |concat(?:_ws)?|group_concat|unhex|hex|nullif|ifnull|count|length|len|version|database|user|current_user\#
            |session_user|system_user|load_file|extractvalue|updatexml|exp|floor|rand|elt|make_set|sleep|benchmark\#
            |exists|select|row|polygon|geometrycollection|multipoint|linestring|json_keys|gtid_subset\#
            |generate_series|ctxsys\.\w|xmltype|upper|lower)\s?\(\#
            |\bi?if\s?\(\s?(?:\d|\(|ascii|sub|mid|length|user|version|exists|['"])|@@\w|\bcase\swhen\#
            |\bcase\s\S{1,20}\swhen|\(\s?select\b|0x[0-9a-f]{6}|current_user\b|rownum\b)
            """#,
            finds: ["1 and substring(version(),1,1)=5", "1' and ascii(mid(user(),1,1))>64#"],
            passes: ["substr(s, 1, 2)", "5 + f(x)", "cast(x as int)", "count(*) > 5", "it's, concat(a, b)"]),
        // A subquery, with no statement around it.
        Rule(
            "query within a value", .sql, .bare, "select AND ( + |",
            #"""
            (?:^|[=<>,+|*/-]\s?|\b(?:and|or|in|exists|not|if|case|when|like|count|ascii|mid|substr|substring|length\#
            |hex|cast|convert|concat)\s?)\(+\s?select\s|[+|*]\s?select\s\#
            |if\s?\(\s?\d{1,9}\s?[=<>]{1,2}\s?\d{1,9}\s?,|\#(brokenOut)\s?\(+select\s\#
            |\bif\s?\(\s?\(select|\bexists\s?\(\s?\(?select\s
            """#,
            finds: ["1 and (select count(*) from users) > 0", "-1 (select id from users limit 1)"],
            passes: ["if(1)", "exists (or not)", "Toggle space mode (select/add)", "sqlite3 x \"select * from t\""]),
    ]
}
