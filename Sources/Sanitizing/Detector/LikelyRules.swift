extension Rule {
    /// What attacks have and ordinary messages seldom: a piece of an attack without the place where it breaks out, or a
    /// file that somebody may have a reason to name. All of it only in a message that is nothing else.
    static let likely: [Rule] = [
        // A value with a wildcard, a comparison by a matching rule's number, or one filter behind another's end.
        Rule(
            "piece of a filter", .ldap, .bare, certainty: .likely, "( ) :",
            #"""
            \([\w.;:-]{1,40}\s?[~<>]?=\*|=\*[()]{1,2}[|&!]\#
            |\)\s?[|&!]{0,2}\s?\(\s?[&|!]?\s?\(?\s?\w{1,30}\s?[~<>]?=\#
            |^[^()\s]{0,40}\)\s?\(\s?[|&!]\s?$|\b[a-z]{1,30}:(?:\d+\.){3,12}\d+:?=
            """#,
            finds: ["(uid=*", "userx=*()|&'", "(&(uid=a)(role=b))", "test) ( & ", "userpassword:2.5.13.18:=123"],
            passes: ["f(a)(b)", "(a=1)", "a) x = 5, b) y = 6", "their*", "*sigh*", "*", "(*)"]),
        // The store's methods and its documents' fields, as a script of its own calls them; a pattern that fits all.
        Rule(
            "query of a document store", .nosql, .bare, certainty: .likely, "db this . AND ( = /",
            #"""
            \bdb\.\w{1,30}\.(?:find|insert|drop|update|remove)\w{0,10}\s?\(\#
            |\bthis\.\w{1,30}(?:\.match\(|\s?[!=]={1,2}\s?['"])\#
            |[{,]\s?["']?\w{1,20}["']?\s?:\s?/\.\*/
            """#,
            finds: ["1, db.users.drop()", "'' && this.password.match(/.*/)//+", "}, { password : /.*/ }"],
            passes: ["this.x = 5", "db.find?"]),
        // Windows' shell: FOR over a set or a command's output, IF with comparisons that other languages spell
        // otherwise.
        Rule(
            "loop or condition of a batch file", .command, .bare, certainty: .likely,
            "for exist defined errorlevel cmdextversion equ neq lss leq gtr geq",
            #"""
            \bfor[\s,;]?/[dflr]\b[^\n]{0,80}?\bin[\s,;]{0,4}\(\#
            |\bfor[\s,;]{1,4}[^a-z\s]\S{0,20}[\s,;]{1,4}in[\s,;]{0,4}\(\#
            |\bif(?:\s?/i)?\s(?:not\s)?(?:(?:exist|cmdextversion|errorlevel)\s\S|defined\s\w\#
            |\S{1,40}\s(?:equ|neq|lss|leq|gtr|geq)\s)
            """#,
            finds: ["FOR %i IN (a b) DO @del %i", "IF NOT EXIST x.txt ECHO y", "IF 2 GEQ 15 ECHO z"],
            passes: ["for x in range(3): print(x)", "if x == 1 then y", "for (a in b)"]),
        // A sum that a shell would put in, or a function of another language that gets a command and nothing else.
        Rule(
            "lone call of a command", .command, .bare, certainty: .likely,
            "$( system exec eval passthru popen assert AND (",
            #"""
            \$\(\(\#
            |^\W{0,3}(?:system|exec|eval|passthru|shell_exec|popen|assert)\s?\(\s?['"][^'"]{1,60}['"]\s?\)\s?;?\s?$
            """#,
            finds: ["$((21+21))", "system('pwd');"], passes: ["system()", "exec(x)", "$(date)"]),
        // Its full name and nothing else: what is configured, what is logged, what a system says of itself.
        Rule(
            "name of a system file", .path, .bare, certainty: .likely, "/ \\",
            #"""
            ^["']?(?:file:/{0,3})?(?:[a-z]:)?[\\/]{1,3}(?:[\w. -]{1,24}[\\/]{1,2}){0,6}\#(systemFile)\#
            [^\s'"?!,]{0,60}["']?$\#
            |^(?:[a-z]:)?[\\/](?:etc|var|usr|opt|proc|windows|winnt|program|apache|xampp|php|mysql|logs?|www|inetpub\#
            |root|boot)\b\S{0,100}?(?:\.(?:conf|ini|log|cnf|cfg|htpasswd|passwd)|_?logs?|passwd|shadow|history\#
            |[wu]tmpx?)$
            """#,
            finds: ["/etc/php5/php.ini", "/var/log/httpd/error_log", "c:\\xampp\\php\\php.ini", "/proc/version"],
            passes: ["/etc/hosts?", "what of /var/log/syslog", "/etc/hosts, no dot", "cat /etc/fstab"]),
        // Steps up whose marks a filter or a careless list has dropped, repeated ones, and few of them to any file.
        Rule(
            "steps up to a file", .path, .bare, certainty: .likely, ".. % ./ .\\ /. \\. .? ?? etc",
            #"""
            (?:\.\.(?:2f|5c)){2}|^\S{0,60}[=?&%;]\.{2}[\\/][^\s/]{1,40}$\#
            |(?:\.{2,4}[\\/]{1,4}|\.{2}(?:0x2f|0x5c|%\w\w|;/|[^\w\s.]{1,4})(?=\.)){2}\#
            |^(?=[^\sa-z]{0,12}(?:%|\.\S{0,6}[/\\]|[/\\]\S{0,3}\.)\#
            |\S{1,10}%)([./\\%;:?*&^~\w]{2,30}?)\1{2,60}\S{0,80}[/\\%.]\#
            |^(?![\\/~*]{1,2}etc[\\/])[^\sa-z]\S{0,400}?(?:etc\S{1,24}(?:passwd|issue|hosts|shadow|group)|windows\S{1,60}hosts)
            """#,
            finds: ["..2f..2f..2fetc2fpasswd", "../../logs/access.log", "page=../x"],
            passes: ["cd ../src", "import x from '../lib/x'", "../", "......", "1.2.3.4.5.6"]),
        // Two literals compared, or the results sorted by a column's number, with nothing around it.
        Rule(
            "condition alone", .sql, .bare, certainty: .likely, "= like is by <> !=",
            #"""
            ^\W{0,3}(?:\d+|'\w*')\s?(?:=|<=>|!=|<>|like|is not)\s?(?:\d+|'\w*'?)$\#
            |(?<![\w.'])(\d+|'\w{0,20}')\s?=\s?\1(?:$|\s?(?:--|[#);]|/\*|and\b|or\b))\#
            |^\s?(?:order|group) by \d{1,3}\s?(?:--|#|,|$)
            """#,
            finds: ["'a' = 'b'", "a&1=1--", "order by 5"], passes: ["1+1=2", "order by date", "x = 5"]),
        // Functions and catalogues that a blind attack asks, and a query in brackets.
        Rule(
            "piece of a query", .sql, .bare, certainty: .likely,
            """
            sleep benchmark pg randomblob generate load extractvalue updatexml group schema mysql xp declare select ::
            """,
            #"""
            (?<![.\w])(?:sleep|benchmark|pg_sleep|randomblob|generate_series|load_file|extractvalue|updatexml\#
            |group_concat)\s?\(|\binformation_schema\b|\bmysql\.\w|\bxp_\w{3}\#
            |\bdeclare\s?@|(?<!as )\(\s?select\s\#
            |['"]\s?::\s?(?:json|int|text|varchar|numeric)
            """#,
            finds: ["sleep(5)=\"", "declare @x", "'[1]'::json - 1"],
            passes: ["time.sleep(5)", "mode (select/add)", "with x as (select", "benchmark results"]),
        // A quote is closed and the rest commented out, behind more than a value.
        Rule(
            "comment behind a piece", .sql, .bare, certainty: .likely, "-- ' \" AND -- # = < > * ^ | & + %",
            #"""
            ^[^'"`]{1,60}['"`)]\s?;?--\s?$|\)\s?--\s?$\#
            |^\w{0,20}['"]\s?(?:[=<>*^|&+%]|\|\||--)\s?\w{1,20}\s?(?:--|#|$)
            """#,
            finds: ["x'|email--", "cos(1) --"], passes: ["x--", "\"#fff\",", "--help"]),
        // An attribute that runs its value, without a tag and whatever it does; an element that loads something, also
        // one of style; links with odd schemes.
        Rule(
            "piece of markup", .xss, .bare, certainty: .likely, "= < : @i",
            #"""
            (?:^|["'`\s/;>])on(?:error|load|click|focus|blur|mouse|key|toggle|begin|start|finish|pointer|animation\#
            |touch|transition|before|after|change|input|submit|select|resize|scroll|unload|drag|copy|cut|paste|wheel\#
            |page|hash|message|dblclick|context|ready|show|end|repeat)[a-z]{0,20}\s?=(?!\s?[{=>])\#
            |<\s?(?:script|iframe|frameset|object|embed|applet|isindex|bgsound|i?layer|svg|math|marquee|meta|link\#
            |frame)[\s/][^<>]{0,200}=|style\s?=\s?[^>]{0,80}url\(|<style\b|@import\s?['"]?\s?(?:http|//)\#
            |(?:java|vb|live)script\s?:(?! ?[a-z]+ [a-z]+[ .,])|<\?xml-s|<!attlist\#
            |<!\[endif\#
            |<(?:a|img|image|body|input|form|button|div|video|audio|table|td|details|x)\b[^<>]{0,120}(?:src|href\#
            |action|background|poster|data)\s?=\s?["'`]?\s?(?://|&\{|\w{1,12}:(?!//))
            """#,
            finds: ["onclick=go", "<style>p{}", "<link rel=x href=y>", "<a href=skype:x>"],
            passes: ["window.onload = start;", "JavaScript: the good parts", "<b>x</b>", "on = 1", "a < b"]),
        // What a script asks the page for, and the calls that show that it runs.
        Rule(
            "piece of a script", .xss, .bare, certainty: .likely,
            "document window location alert confirm prompt AND . ( ` [",
            #"""
            document[\s)]?\s?[.\[]\s?["']?(?:cookie|write|domain|location|body|url)\#
            |\bwindow\.location\s?[=(\[]|\blocation\.(?:hash|href)\s?=\#
            |(?<![.\w])(?:alert|confirm|prompt)\s?[(`](?:\d|xss|name|\)|/|`)\#
            |\((?:alert|confirm|prompt)\)
            """#,
            finds: ["x=document.cookie", "confirm()", "[1].map(confirm)"],
            passes: ["alert me", "the document. Write it", "document.createElement(x)"]),
        // A block of an engine, and an expression with a call, an index or a filter.
        Rule(
            "piece of a template", .template, .bare, certainty: .likely, "{{ {%",
            #"""
            \{%[^%]{0,200}%\}|\{\{(?=[^{}]{0,200}\}\})[^{}]{0,200}?[(\[|'"*]
            """#,
            finds: ["{% include 'x' %}", "{{ name.upper() }}"], passes: ["{{ user.name }}", "{ % }"]),
    ]
}
