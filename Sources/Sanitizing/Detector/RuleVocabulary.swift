/// What several rules have in common.
extension Rule {
    static let quote = #"['"`]"#
    static let compared = #"""
        (?:=|[<>]=?\s?[\d'"(@]|<>|!=|is (?:not )?(?:null|true|false|unknown|\d)|in\s?\(|(?:not )?(?:r?like\#
        |regexp|glob|between|sounds)\b|~)
        """#
    static let operand = #"""
        (?:@{0,2}[\w.]{1,40}(?:\([^()]{0,40}\))?|\#(quote)[^'"`]{0,40}\#(quote))
        """#
    static let command = #"""
        (?:/(?:usr/)?s?bin/)?(?:(?:id|whoami|ls|tac|nl|ping6?|uname|curl|wget|nc|ncat|netcat|bash|sh|zsh|ksh\#
        |dash|perl|python[23]?|ruby|php|lua|ifconfig|ipconfig|netstat|phpinfo|printf|net1|tasklist\#
        |systeminfo|sysinfo|nslookup|rm|chmod|chown|env|printenv|uniq|wc|cmd|powershell|pwsh|arp|passwd\#
        |useradd|adduser|usermod|mkdir|rmdir|mv|cp|telnet|ssh|scp|ftp|tftp|reboot|killall|sed|awk|grep|xxd\#
        |base64|od|df|du|pwd|dd|nohup|sudo|su|crontab|lwp-\w+|lynx|getent|traceroute|tracert|nmap|gcc|wmic\#
        |certutil|bitsadmin|schtasks|netsh|cscript|wscript|rundll32|mshta|busybox|socat|openssl|ps|echo|dir\#
        |del|eval|exec|system|sleep)(?![\w=:.(-])|(?:w|who|cat|set|head|tail|more|less|sort|strings|type\#
        |which|find|touch|kill|tee|tar|gzip|zip|hostname|host|dig|net|reg|route|wall|shutdown|halt|mount|at\#
        |fetch|links|ver|vol|groups|last|finger|make|time|export|test|bg|sc|msg|start|diff|cut|rev|ln|fold\#
        |top|vi|vim|cd|node)(?![\w=:.(-])(?=\s?(?:[-/;|&$<>*~\\\d(]|\w{1,12}\s?[;|&)`]|\S{0,12}[/.]\S))|(?:w\#
        |who|set|ver|vol|groups|halt|shutdown|hostname)\s?$)
        """#
    static let systemFile = #"""
        (?:etc/(?:passwd|shadow|group|hosts|issue|motd|fstab|crontab|sudoers|hostname|resolv\.conf|\w+/)\#
        |etc\\+\w|proc/(?:self|version|\d|cpuinfo|net)|boot\.ini|win(?:dows|nt)?[\\/]|win\.ini|system\.ini\#
        |system32|\.ssh/|id_rsa|\.htpasswd|\.htaccess|\.bash_history|wp-config|web\.config|web-inf\#
        |autoexec\.bat|var/log/|sam\b)
        """#
}
