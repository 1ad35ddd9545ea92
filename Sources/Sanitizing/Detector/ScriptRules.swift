extension Rule {
    /// Scripts and markup that a browser would act on.
    static let scripts: [Rule] = [
        // An element that runs its content, or loads what it names. Alone, `<script>` is a word, and `<base>` stands
        // for something in many a manual.
        Rule(
            "scripting element", .xss, .bare, "<",
            #"""
            <\s?script\b(?:[^<>]{0,200}>(?:[^<]{0,300}?(?:[(=;`]|//|</)|[\w(/\[{$+!-]|['"]\w)\#
            |[\s/][^<>]{0,120}(?:=|//)|[^<>]{0,20}<)|</script>\s?<\#
            |^\s?</?(?:script|iframe|svg|object|embed|applet|frameset|math)\b[^<>]{0,200}>\s?$\#
            |<\w{1,10}:script\b|<xss\b|<\w{1,8}<\s?/?script\#
            |<\s?(?:iframe|frameset|object|embed|applet|base|isindex|bgsound|i?layer|xss|marquee|frame|animate\#
            |portal|keygen|set|image)[\s/][^<>]{0,300}=\#
            |<\s?(?:svg|math|xml|xss|noscript|template|listing|xmp|plaintext)\b[^<>]{0,80}>\s?<\s?/?(?:script|style\#
            |animate|set|a\b|image|img|use|foreignobject|mi|mtext|mglyph|table|iframe|xss)\#
            |<\s?meta\b[^<>]{0,120}(?:http-equiv\s?=\s?["']?(?:refresh|set-cookie|link)|utf-7)\#
            |<\s?link\b[^<>]{0,120}(?:import|script:|data:|=\s?["']?//)
            """#,
            finds: ["<script>alert('xss')</script>", "<SCRIPT SRC=//evil.example/x.js>", "<iframe src=//x>"],
            passes: ["the <b> element", "add <script>", "git checkout <base>", "bash <script> and <object>"]),
        // An attribute that begins with `on` runs its value; JSX has braces there.
        Rule(
            "handler in a tag", .xss, .bare, "< AND =",
            #"<[a-z!?/%][^<>]{0,300}?[\s/"'`;]on[a-z]{3,25}\s?=(?!\s?\{)"#,
            finds: ["<img src=x onerror=alert(1)>", "<svg/onload=alert(1)>"], passes: ["<Button onClick={save} />"]),
        // The same, where the text continues a tag that the page has opened: behind a quote, or with a call as value.
        Rule(
            "handler in an attribute", .xss, .bare, "=",
            #"""
            (?:["'`>/]\s?/?\s?on(?:error|load|click|focus|blur|mouse|key|toggle|begin|start|finish|pointer|animation\#
            |touch|transition|before|after|change|input|submit|select|resize|scroll|unload|drag|copy|cut|paste|wheel\#
            |page|hash|message|dblclick|context|ready|show|end|repeat)[a-z]{0,20}\s?=(?!\s?[{=>])\#
            |^[^<>'"]{0,20}["'][^<>]{0,60}\son[a-z]{3,25}\s?=(?!\s?[{=>])\#
            |(?:^|[\s;])on[a-z]{3,25}\s?=\s?["'`]?\s?(?:alert|confirm|prompt|eval|document|location|window|fetch\#
            |import|top|self|javascript)\s?[(.`:=\[])
            """#,
            finds: ["\" onmouseover=alert(1) x=\"", "onerror = alert(1)"],
            passes: ["window.onload = start;", "onChange={e => set(e.target.value)}", "onclick=\"...\""]),
        // A URL whose scheme is a language runs when it is followed; browsers skip blanks within it.
        Rule(
            "script URL", .xss, .bare, ":",
            #"""
            (?:j\s?a\s?v\s?a|v\s?b|l\s?i\s?v\s?e)\s?s\s?c\s?r\s?i\s?p\s?t\s?:\s?(?!void\(0\))(?:[/'"`(\[&%\\+!~*<]\#
            |\w{1,30}\s?[(`=.\[])\#
            |data:\s?(?:text/(?:html|xml|javascript|vbscript)|application/(?:x-)?(?:java|ecma|vb)\#
            |(?!image/)[^,\s]{0,40};base64,p[hdfg])
            """#,
            finds: ["javascript:alert(1)", "jav&#x09;ascript:alert(1)", "data:text/html;base64,PHNjcmlwdD4="],
            passes: ["Here is the data: 1, 2", "JavaScript: the good parts", "data:image/png;base64,iVBORw0KGgo="]),
        // The calls by which one proves that a script runs, with the arguments that one takes for it.
        Rule(
            "call of a dialogue", .xss, .bare, "alert confirm prompt eval settimeout setinterval AND ( `",
            #"""
            (?<![.\w])(?:alert|confirm|prompt)(?:\.call|\.apply)?(?:(?<=\.call|\.apply)\(\#
            |\\?\((?:\d|/|`|\\|xss|name|null|this|document|location|window|string|origin|domain|['"](?:\d|xss)\#
            |\)(?:\s?[;/<"'>]))|`\d|\s?\(\s?\d+\s?\)\s?[;/<>"'])\#
            |eval\(\s?(?:string|atob|unescape|location|name|document|decodeuri|['"]\\)\#
            |set(?:timeout|interval)\(\s?['"`]?(?:alert|confirm|prompt|eval)
            """#,
            finds: ["\\\";alert(1);//", "alert`1`"],
            passes: ["confirm (y/n)", "setTimeout(f, 100)", "eval(x)", "alert(\"Hello!\")"]),
        // The text's first quote closes a string of the script around it, and a statement follows.
        Rule(
            "break-out into a script", .xss, .bare,
            """
            alert confirm prompt eval document window top parent location fetch new throw import settimeout \
            setinterval a self this function AND ' \" `
            """,
            #"""
            ^[^'"`]{0,80}['"`]\s?[;,)}+\-*/|&^\]:>]{1,8}\s?(?:(?:alert|confirm|prompt|eval|throw|settimeout\#
            |setinterval|import|fetch)\s?\\?[(`\s]|(?:document|window|top|parent|location|self|this)\s?[.\[(=]\#
            |new function|a=|function\s?\()
            """#,
            finds: ["';window.location='//evil.example'//", "\"-alert(1)-\""],
            passes: ["\"a\", document.title", "$('x').on('y', window)"]),
        // What a script would reach for, in the forms that hide a name or give the reply away.
        Rule(
            "insides of the page", .xss, .bare,
            """
            document string innerhtml window self top this parent alert constructor throw srcdoc formaction \
            xlink adw xi xmlns [] ! onerror include
            """,
            #"""
            [(+`\[,]\s?document\.(?:cookie|domain|location)\s?(?:[)+`\]]|;?//)\#
            |document\.write(?:ln)?\s?\(\s?['"`]?\s?(?:<|\\|%|string|unescape|atob|document)\#
            |(?:eval|alert|write|settimeout|function)\s?\(\s?string\.fromcharcode\#
            |string\.fromcharcode\((?:\d{2,3},\s?){3}\#
            |\.innerhtml\s?=\s?['"`]?\s?(?:<(?:img|svg|script|iframe)|location)\#
            |(?:window|self|top|this|parent|document)\s?\[\s?(?:['"`/]\w{0,12}['"`/](?:\.source)?\s?[+ ]\#
            |['"`](?:al|eval|cookie|docu|locat|open|cons|\\))|\[\]\[\(|\(!\[\]\s?\+\#
            |\(!!\[\]\s?\+|\$\{alert|\(alert\)\s?\(|\.\w{1,9}\(alert\)\#
            |\((?:alert|confirm|prompt)(?:\(\)|``)\)|<<\s?/?s(?:cr|vg)|=\s?alert;\#
            |throw\s?onerror|\+adw-|<xi:include|srcdoc\s?=\s?['"]?\s?[<&]\#
            |formaction\s?=\s?['"]?\s?(?:java|data)\#
            |xlink:href\s?=\s?['"]?\s?(?:java|data|//)|\[\]\.constructor\#
            |constructor\(['"`]alert
            """#,
            finds: ["window['al'+'ert'](1)", "document.write('<x>')"],
            passes: ["document.getElementById(\"x\")", "this[i] = data[i]", "String.fromCharCode(byte)"]),
        // Style that loads or runs.
        Rule(
            "active style sheet", .xss, .bare, "expression binding behavior behaviour import style",
            #"""
            :\s?expr\s?ession\s?\(|-moz-binding|behaviou?r\s?:\s?url\#
            |<style[^<>]{0,60}>[^<]{0,100}(?:@import|expression|script:|url\(|binding)\#
            |@import\s?['"]?\s?(?:url\(\s?)?['"]?(?:java|data:|//)
            """#,
            finds: ["<div style=\"width: expression(alert(1))\">"], passes: ["@import url('theme.css');"]),
        // The text begins by closing what it does not open.
        Rule(
            "end of an attribute", .xss, .bare, "< AND > ' \"",
            #"""
            ^[^<>]{0,40}['"]\s?/?>\s?<(?:[a-z!?]|/(?:script|title|textarea|style|noscript|option|select))\#
            |^[^<>]{0,30}</(?:title|textarea|style|noscript|select|option|xmp|template)>\s?<
            """#,
            finds: ["\"><b>x", "</title><h1>x"], passes: ["cmd > <file>", "a -> b"]),
        // Entities that read a file, markup in what is no markup, and pictures that no page has.
        Rule(
            "odd markup", .xss, .bare, "<",
            #"""
            <!entity\s+%?\s?\w+\s+(?:system|public)|<!doctype [^<>]{0,60}\[\s?<!entity\#
            |<!\[cdata\[\s?<|<\?xml-s[^<>]{0,80}(?:script|data:|//)|<\?import\#
            |<\?xml[^<>]{0,60}>\s?<!(?:doctype \w+ ?\[|entity|element)\#
            |<(?:a|img|image|body|input|form|button|div|video|audio|table|td|details|style|x|bgsound|br\#
            |isindex)\b[^<>]{0,120}(?:src|href|action|background|dynsrc|lowsrc|poster|data\#
            |srcset)\s?=\s?(?:["'`]?\s?(?:&\{|x["'\s>]|(?:java|vb|live)script|data:text|feed:\#
            |(?:j|&#)[^<>"']{0,40}script)|//|["']?\s?$)
            """#,
            finds: ["<?xml version='1.0'?><!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]>"],
            passes: ["<img src=\"x.png\" alt=\"y\">", "<a href=\"mailto:me@example.com\">x</a>"]),
    ]
}
