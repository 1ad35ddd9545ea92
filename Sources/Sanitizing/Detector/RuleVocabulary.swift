/// What several rules have in common.
extension Rule {
    static let compared = #"""
        (?:=|[<>]=?\s?[\d'"(@]|<>|!=|is (?:not )?(?:null|true|false|unknown|\d)|in\s?\(|(?:not )?(?:r?like|regexp\#
        |glob|sounds like)\s?['"(]|(?:not )?between\s[\d'"]|~)
        """#
    static let operand = #"""
        (?:@{0,2}[\w.]{1,40}(?:\([^()]{0,40}\))?|['"`][^'"`]{0,40}['"`])
        """#
    /// How an injected piece of SQL begins: a quote or a bracket is closed that the text has not opened, or a number
    /// ends. A foot's mark is none.
    static let brokenOut = #"""
        ^(?:[^'"`]{0,80}+(?:(?<![\s\d'"`])|(?<!^\s)(?<![ \d]\d)(?<=\d)|(?<=^))['"`]\)*+|-?\d{1,9}\)*+)
        """#
    /// Programs by which an intruder looks about or fetches more. Those that are English words or names of columns
    /// need an argument that neither is.
    static let program = #"""
        (?:/(?:usr/)?s?bin/)?(?:(?:whoami|ls|ping6?|uname|curl|wget|ncat|netcat|bash|zsh|ksh|ifconfig|ipconfig\#
        |netstat|phpinfo|tasklist|systeminfo|sysinfo|nslookup|printenv|powershell|pwsh|useradd|adduser|usermod\#
        |rmdir|mkdir|xxd|lwp-\w+|getent|traceroute|tracert|nmap|wmic|certutil|bitsadmin|schtasks|taskkill|netsh\#
        |wevtutil|vssadmin|i?cacls|takeown|nbtstat|regsvr32|cscript|wscript|rundll32|mshta|busybox|socat\#
        |expr)(?![\w=:.(-])|(?:w|id|ps|su|sh|rm|nc|nl|od|dd|cp|mv|df|du|who|cat|tac|env|set|dir|del|cmd|arp|sed|awk\#
        |php|lua|ftp|tftp|ssh|scp|head|tail|more|less|sort|type|which|find|touch|kill|tee|tar|perl|ruby|python[23]?\#
        |gzip|zip|hostname|host|dig|net1?|reg|route|shutdown|halt|reboot|mount|at|fetch|telnet|lynx|finger|passwd\#
        |chmod|chown|echo|printf|sleep|sudo|nohup|crontab|openssl|gcc|base64|grep|cut|rev|top|vi|vim|cd|node\#
        |timeout|start|sc)(?![\w=:.(-])(?=\s?(?:[-/&$<>*~\\\d'"`([{%;|]|\w{1,12}\s?[;|&)`]|\S{0,20}[/.:]\S|[^;\#
        |\n]{1,40}>\s?[/\w])))
        """#
    /// Files of a system that nobody reads by chance.
    static let secretFile = #"""
        (?:etc[\\/]+(?:passwd|shadow|master\.passwd|security[\\/]passwd|sudoers)|proc[\\/]+self[\\/](?:environ\#
        |cmdline|fd|maps|status|cwd|exe|root)\b|boot\.ini|win\.ini|system\.ini|\.ssh[\\/]+(?:id_|authorized)\#
        |\.htpasswd|\.bash_history|wp-config|web-inf[\\/]|autoexec\.bat|system32[\\/]+(?:config|drivers)\#
        |repair[\\/]+s(?:am|ystem)\b)
        """#
    /// What steps up a tree of folders lead to.
    static let systemFile = #"""
        (?:etc[\\/]+(?:passwd|shadow|group\b|hosts|issue|motd|fstab|crontab|sudoers|hostname|resolv\.conf|apache\#
        |httpd|nginx|mysql|php|ssh)|proc[\\/]+(?:self|version|\d|cpuinfo|net)|boot\.ini|win(?:dows|nt)?(?:[\\/]|$)\#
        |win\.ini|system\.ini|system32|\.ssh/|id_rsa|\.htpasswd|\.htaccess|\.bash_history|wp-config|web\.config\#
        |web-inf|autoexec\.bat|var[\\/]+log|sam\b|global\.asa|inetpub)
        """#
}
