extension Rule {
    /// What an engine of templates would evaluate.
    static let templates: [Rule] = [
        // Between double braces: a sum, a literal that is computed with, or the names by which one leaves the template.
        // A variable, a filter or a call of the page's own is ordinary.
        Rule(
            "template expression", .template, .bare, "{{ {%",
            #"""
            \{\{[^{}]{0,60}?\d['"]?\s?[*+]\s?['"]?\d|\{\{=?\s?['"(\[]?\d+\s?[/-]\s?\d\#
            |\{\{=?\s?['"\[(]{1,2}[^{}]{0,40}?['"\])]\s?(?:\*|\.\s?\w|\||\[)\#
            |\{\{[^{}]{0,200}?(?:__|constructor|\bself\b|\b_self\b|\bcycler\b|\blipsum\b|\bjoiner\b|get_flashed\#
            |request(?:\.application|\[|\|attr|\.__)|\brequest\s?\}\}\#
            |config(?:\s?\}\}|\.(?:items|from|class|secret)|\[)|settings\.secret|app\.request|popen|\.exec\b|exec\(\#
            |eval\(|system\b|\bphpinfo|\brequire\(|process\b|\bgetclass|forname|runtime|file_excerpt|\bread\(\#
            |\bopen\(|/etc/|\bprintf\s?"|\bhtml\s?"|\$on\.|\$eval|range\(|\bdump\s?\(\#
            |\|\s?(?:map|filter|sort|reduce)\s?\(\s?['"](?:system|exec|passthru))\#
            |\{%-?\s?(?:debug\b|import\s+['"]?(?:os|sub)\#
            |[^%]{0,160}?(?:__|popen|system\s?\(|\.read\(|subprocess|\blipsum\b|\bcycler\b|\bconfig\.|attr\(\#
            |\d\s?\*\s?\d|exec|eval\(|system|/etc/)|include\s+['"]/)|\{\{\s?#with\s
            """#,
            finds: ["{{7*7}}", "{{ config }}", "{% debug %}", "{{'a'.upper()}}"],
            passes: ["{{ user.name }} in Vue", "{{ url_for('x') }}", "{% if x %}", "{{ price | round(2) }}"]),
        // The other engines' brackets, around the same.
        Rule(
            "evaluated expression", .template, .bare, "${ #{ *{ ~{ <% [[ [= @( @{ #s $ ${{ {@ @s <# { * %{",
            #"""
            [$#*~@]\{[{#!]?\s?(?:['"(]?\d+['"]?\s?[*+/-]\s?['"]?\d+|xyz)\#
            |[$#*~]\{[^{}]{0,200}?(?:\bjava\b|jndi\s?:|getclass|class\.|forname|runtime|\bt\(|''|\.constructor\#
            |__class|pagecontext|session\.setatt|self\.module|script:|dns:|(?:application|session|request)scope\#
            |#\w+\s?=|processbuilder|\bexec\(|system\(|popen\(|eval\(|require\(|process\.main|global\.|os\.|\bio\.\#
            |\bfile\.|\bdir\.|\.read\(|env:|lower:|upper:|::-|@[\w.]+@|\?new\(|\bsleep\(|constructor\b|sys\.\#
            |import\b)|^[$#*~]\{[^{}\[]{0,80}\d\s?\*\s?\d[^{}\[]{0,80}\}$\#
            |^[$#*]\{[^{}]{0,200}?(?:\bnew\s|\.\w{1,20}\(\s?["'\[])[^{}]{0,200}\}$\#
            |<%[=#-]?\s?(?:['"(]?\d+['"]?\s?[*+-]\s?['"]?\d+\#
            |[^%<]{0,120}?(?:system|exec|popen|file\.(?:open|read)|dir\.(?:entries|glob)|\bio\.|require|global\.\#
            |process\b|`|runtime|self\.|\bimport\s|eval\b|spawn|constructor))\#
            |\[\[\s?\$\{\s?\d|\[\[\s?\d+\s?\*|\[=\s?\d+\s?[*+]|__\$\{|^@\(.{1,80}\)$\#
            |@system\.|<#assign\s|^\{\d+\s?[*+]\s?\d+\}|^\{@(?:if|math)\s|\{smarty_\#
            |^[=-]\s?\d{1,9}\s?\*\s?\d{1,9}$|@\(\s?\d+\s?[*+]|\{@\s?\d+\s?\*|@\{\s?\d\#
            |#set\s?\(\s?\$\w+\s?=\s?(?:\d+\s?[*+]|"\w{0,2}"|'\w{0,2}'|\$?class|\$\w+\.(?:class|getclass))\#
            |\{if phpinfo|#evaluate\(|\$\w{1,20}\.getclass\(|[$#*~%]\{\s?\d{3,9}\s?\}\#
            |<%=?\s?\d{3,9}\s?%>|%\{\s?(?:\d|#\w|@|\()|\{\{\s?\d{2,9}\s?\}\}\#
            |\$class\.inspect|\.getclass\(\)\.for
            """#,
            finds: ["${7*7}", "<%= 7*7 %>", "#{7*7}", "${jndi:ldap://x}"],
            passes: [
                "echo ${HOME} and ${user.name}", "`${process.cwd()}`", "${Math.round(a / 12 * 52)}w", "<%= name %>",
            ]
        ),
        // The way from a value to the language that the engine is written in.
        Rule(
            "insides of an engine", .template, .bare,
            """
            __ getclass mro subclasses freemarker new php smarty tplcontext env attr constructor t system
            """,
            #"""
            __(?:mro|subclasses|globals|builtins|import)__\s?['"]?\s?(?:\.|\[|\(|\]|\|)\#
            |__class__['"\]]*\s?(?:\.|\[|\|)\s?['"]?_*(?:mro|base|init|subclasses)\#
            |\.getclass\(\)\s?\.|\.(?:mro|subclasses)\(\)|freemarker\.template|\?new\(\)\#
            |\{php\}|\{\$smarty\.(?:version|template|server|env|const)|\{system\(\#
            |self\._tplcontext|_self\.env|\|attr\(\s?['"]?(?:_|\\|request)\#
            |constructor\.constructor|t\(java\.
            """#,
            finds: ["''.__class__.__mro__[2].__subclasses__()"],
            passes: ["super().__init__()", "obj.__class__.__name__", "if __name__ == '__main__':"]),
    ]

    /// Filters of LDAP.
    static let directoryFilters: [Rule] = [
        // A filter's bracket is closed that the text has not opened, or opened behind a wildcard. A filter whose
        // brackets match is one that somebody asks about.
        Rule(
            "filter taken apart", .ldap, .bare, ") (",
            #"""
            [&|!]\(+\d=\d\)|^\(\|\(\w{1,20}=\*\)\)\#
            |^(?!\s?(\((?:[^()]++|(?-1))*+\))\s?$)(?:[^()]{0,60}\)+\(+\s?[|&!]{0,2}\s?\(*\s?[\w.;:-]{1,40}\s?[~<>]?=\#
            |[^()]{0,60}\)+\(+[|&!*](?:[()*|&!]|$)|[^()\s]{0,40}\*\)\)|\*\)[*|&!]|\S{0,40}\*\s?\(\s?[|&!]\#
            |\*\(\w{1,30}=|\*\(\)[|&!%='26]{1,10}$|\S{0,60}\*\)\(+[|&!]|[^()\s]{0,30}\)\([|&!]\#
            |\W{0,3}[a-z]{2,30}=\*\)[()]|[^\s()]{0,80}:(?:\d+\.){3,12}\d+:=)
            """#,
            finds: ["*)(uid=*))(|(uid=*", ")(&", "*()|&'", "admin)(!(&(1=0)", "*)(|(cn=*"],
            passes: [
                "f(a)(b)", "(&(objectClass=user)(cn=*))", "(|(cn=a)(cn=b))", "their*", "*sigh*", "a) x = 5, b) y = 6",
                "=)",
            ])
    ]

    /// Queries of document stores.
    static let documentStores: [Rule] = [
        // The operators themselves as keys, not $new, $next or $greeting.
        Rule(
            "operator of a document store", .nosql, .bare, "$",
            #"""
            [\[{,'"(.]\s?["']?\$(?:eq|ne|[gl]te?|n?in|where|regex|n?or|and|exists|not|func|expr|all|size|type|mod\#
            |elemmatch|comment)["']?\s?(?:\]|:|=)|^\$where$\#
            |^\{\s?\$(?:ne|[gl]te?|regex)\s?:|\$where\s?['":]\#
            |^["']?\$(?:ne|[gl]te?|regex|n?or)["']?\s?[:\]]
            """#,
            finds: ["{\"$gt\": \"\"}", "user[$ne]=1", "$where: '1 == 1'"],
            passes: ["my ($type, $size) = @_;", "$gt or $gte?", "$where?", "db.users.find({\"age\": {\"$gt\": 18}})"]),
        // A quote is closed and JavaScript's condition or reply follows.
        Rule(
            "condition of a document store", .nosql, .bare, "|| && db return this while mapreduce date sleep",
            #"""
            ^[^'"]{0,40}['"]\s?\)?\s?(?:\|\||&&)\s?['"\d(]?[^|&]{0,20}['"]?\s?[!=]={1,2}\#
            |(?:\|\||&&)\s?(?:\d{1,9}\s?[!=]={1,2}\s?\d|'[^']{0,20}'\s?[!=]={1,2}\s?'|"[^"]{0,20}"\s?[!=]={1,2}\s?")\#
            |['";]\s?db\.\w+\.(?:find|insert|drop|update|remove)\s?\(\#
            |^[^'"\s=(]{0,20}['"]?\s?\)?\s?\}?;\s?return\s?\(?(?:true|false|1\b|['"]|this\.|db\.|\w+\s?[!=]=)\#
            |^[^'"\s=(]{0,20}['"]\s?\)?\s?[;,]\s?(?:\w{1,9}=new date|var \w|\$where|\$or|db\.)\#
            |^(?:[^'"]{0,40}['"]|\d{1,9})[\s;|&)}]{1,8}(?:return\s)?\(?this\.\w{1,20}\s?(?:\.match\(|[!=]=|>|<)\#
            |\}\s?\]?,\s?['"]?\$(?:where|n?or|ne|gt|regex)\b\#
            |new date\(?\)?.{0,160}while\s?\(\#
            |^[^'"\s=(]{0,20}['"\d]\s?\)?\s?;\s?(?:sleep\(|while\s?\(\s?(?:true|1)\))\#
            |^\d{1,9}\s?,\s?\$where
            """#,
            finds: ["' || '1'=='1", "'; return true; var x='"],
            passes: ["return a || b;", "x = '1';\nreturn x;", "this.x == 5"]),
    ]
}
