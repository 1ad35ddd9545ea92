extension Rule {
    /// Paths that leave the folder which they were meant for.
    static let paths: [Rule] = [
        // Many steps up, or some to a file of the system: relative paths of a project have one to three.
        Rule(
            "steps up", .path, .bare, ".. %c %b 0x ?. .? ?? etc boot win",
            #"""
            ^[\\/]{1,3}\.{2,4}[\\/]{1,4}\.{2}\#
            |^\S{0,200}?(?:(?:\.{2,4}[\\/]{1,4}){4}|(?:\.{3,4}[\\/]{1,4}|\.{2}[\\/]{2,4}\#
            |\.{2}(?:0x2f|0x5c|%\w\w|;/|[^\w\s.\\/]{1,4})(?=\.)){2}|%c[01]%?\w\w\S{0,80}%c[01]|%bg%qf|0x2e0x2e\#
            |(?:\.{2}0x(?:2f|5c)){2}|0x(?:2f|5c)\S{0,40}0x(?:2f|5c)(?:passwd|issue)|(?:\.{1,2}[\\/]{1,2}){7}\#
            |\.\.%\w\w)\#
            |(?:^|[=/:?&%;|\\"'\s(])\.{2,4}[\\/]{1,4}(?=\S{0,80}?\#(systemFile))\#
            |^(?![\\/~]{1,2}etc[\\/])[^\sa-z]\S{0,400}?(?:etc[^\sa-z]{1,24}(?:passwd|issue\b|shadow)\#
            |\.\.\S{0,40}etc[^\sa-z]{1,24}(?:hosts|group)|windows\S{1,60}hosts|\{file\})\#
            |^[^\sa-z][^\s]{0,400}?(?:boot|win)\.ini
            """#,
            finds: [
                "..%2f..%2fetc/passwd", "../../../etc/passwd", "..\\..\\windows\\win.ini", "%252e%252e%252fetc/passwd",
            ],
            passes: [
                "import x from '../lib/x'", "cd ../src", "../../lib/x.js", "../", "I see ../../sdb", "..\\x\\..\\y",
            ]),
        // The same step again and again, whatever it is that stands for a dot and a slash.
        Rule(
            "repeated step", .path, .bare, "% ./ .\\ /. \\. ..",
            #"""
            ^(?=[^\sa-z]{0,12}(?:%|\.\S{0,6}[/\\]|[/\\]\S{0,3}\.)\#
            |\S{1,10}%)([./\\%;:?*&^~\w]{2,30}?)\1{2,60}\S{0,80}?(?:\#(systemFile)\#
            |etc\W{0,12}\w{0,6}(?:passwd|issue|hosts))\#
            |^[^\sa-z]{0,80}\.\.\S{0,4}\#(systemFile)\#
            |%\w{1,2}\S{0,20}(?:boot\.ini|etc\S{1,12}passwd)
            """#,
            finds: ["/././././etc/passwd", "%uff0e%qf%uff0e%qf%uff0e%qf%uff0e%qfetc/issue", "..etc/passwd"],
            passes: ["......", "1.2.3.4.5.6", "/etc/passwd and whatever"]),
        // A file of the system by its full name and nothing else, and wrappers that read one.
        Rule(
            "system file", .path, .bare, "/ \\",
            #"""
            ^["'(]?(?:file:/{0,3}|\w{1,20}=)?(?:[a-z]:)?[\\/]{0,3}+(?!(?:[~*]|home|root\#
            |run))[^\s'"~]{0,80}?(?<![\w.-])\#(secretFile)[^\s'"]{0,60}["']?$\#
            |^["']?[\w=]{0,24}?(?:php|expect|phar|zip|gopher|dict|ogg|ssh2|rar|netdoc|compress\.(?:zlib|bzip2))://\S\#
            |^["']?[\w=]{0,24}?(?:jar|netdoc|view-source):(?:file|http)\#
            |^["']?[\w=]{0,24}?file:/{1,3}(?:etc|proc|root|[a-z]:/(?:boot|win))\#
            |^["']?[\w=]{0,24}?data://text
            """#,
            finds: ["/etc/passwd", "php://filter/convert.base64-encode/resource=x", "c:\\boot.ini"],
            passes: [
                "/etc/hosts?", "/etc/nginx/nginx.conf", "/var/log/syslog", "~/.ssh/authorized_keys",
                "file:///home/me/x.pdf",
                "change /etc/passwd",
            ]),
    ]
}
