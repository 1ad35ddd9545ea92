extension PatternSet {
    /// What an attack looks like, by family. Letters match in either case, blanks are any white space.
    ///
    /// Each began as a literal; where that also held ordinary prose or code, the expression says what is let through.
    /// `(*SKIP)(*F)` after a run that found no end keeps a search linear: no later start inside the run can do better.
    static let dangerous = PatternSet([
        ("xss: javascript URL", #"javascript:"#),
        ("xss: vbscript URL", #"vbscript:"#),
        // A URL says a media type, parameters or its data at once: "the data: 1, 2" does not.
        ("xss: data URL", #"data:(?:\s*(?:text|image|application|audio|video|font|multipart|message)/|[;,&])"#),
        ("xss: script element", #"<script[^>]*+(?:>|(*SKIP)(*F))"#),
        // `window.onload = f` is a program.
        ("xss: onerror handler", #"(?<![.\w])onerror\s*="#),
        ("xss: onload handler", #"(?<![.\w])onload\s*="#),

        ("sql: DROP TABLE", #";\s*DROP\s+TABLE"#),
        // "'yes' or 'no'" and "the 'or' operator" are prose; a comparison or an open quote after OR is not.
        (
            "sql: quoted OR",
            #"(?:'\s+OR\s*'|'OR\s*'(?=\w*'|\s*['=]))(?!\w[^'=\n]{0,60}'(?!\s*(?:[=<>|#]|--|LIKE\b|IN\b)))"#
        ),
        ("sql: UNION SELECT", #"UNION\s+SELECT\b"#),

        ("command: cat", #";\s*cat\s+"#),
        ("command: whoami", #"\|\s*whoami"#),
        ("command: rm", #"&&\s*rm\s+"#),

        // One step up is a relative import or a link.
        ("path: parent folders", #"\.\./(?:\.\./|(?<=[=/:?&%;]\.\./))"#),
        (
            "path: system file",
            #"\.\./[^\s'"]{0,40}?(?:etc\b|passwd|shadow|proc\b|winnt|windows[/\\]|(?:win|boot)\.ini|"#
                + #"\.(?:ssh|env|git|ht)|%00)"#
        ),
        ("path: parent folder, backslash", #"\.\.\\"#),
        ("path: encoded", #"%2e%2e%2f"#),
        ("path: encoded twice", #"%252e%252e%252f"#),

        // A plain variable is ordinary in a template; one that opens the engine's insides is not.
        (
            "template: double braces",
            #"\{\{(?!\s*(?!config|self|request|session|settings|app\b|constructor|_)[a-z]\w*(?:\.[a-z]\w*)*\s*\}\})"#
                + #"[^}]*+(?:\}\}|(*SKIP)(*F))"#
        ),
        (
            "template: dollar braces",
            #"\$\{(?!(?!IFS|document\.(?:domain|cookie)|class|self|request|session|param|application)"#
                + #"[#!]?[a-z_]\w*(?:\.[a-z]\w*|\[[\w@*]*\])*\})"#
                + #"[^}]*+(?:\}|(*SKIP)(*F))"#
        ),
        ("template: embedded Ruby", #"<%=(?:[^%\n]++|%(?!>))*+(?:%>|(*SKIP)(*F))"#),

        // The operators themselves, not $new, $next or $greeting.
        ("nosql: $gt", #"\$gte?\b"#),
        ("nosql: $ne", #"\$ne\b"#),
        ("nosql: $where", #"\$where\b"#),
        ("nosql: $regex", #"\$regex\b"#),

        ("ldap: closed filter", #"\*\)\("#),
        ("ldap: joined filter", #"\)\(&"#),
        ("ldap: cn filter", #"\)\(cn="#),
    ])
}
