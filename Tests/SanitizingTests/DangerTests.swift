import Chat
import Sanitizing
import Testing

@Suite(.timeLimit(.minutes(1))) struct DangerTests {
    @Test(arguments: [
        ("<script>alert('xss')</script>", "xss"), ("'; DROP TABLE users; --", "sql"),
        ("{{constructor.constructor('return process')().exit()}}", "template"), ("../../../etc/passwd", "path"),
        ("javascript:alert(1)", "xss"), ("JaVaScRiPt:alert(1)", "xss"), ("data:text/html;base64,PHNjcmlwdD4=", "xss"),
        ("data:,x", "xss"), ("vbscript:msgbox(1)", "xss"), ("onerror = alert(1)", "xss"),
        ("<svg/onload=alert(1)>", "xss"),
        ("' OR '1'='1", "sql"), ("admin' or '1'='1' --", "sql"), ("'or'1'='1", "sql"), ("' or ''='", "sql"),
        ("1 UNION SELECT password", "sql"), ("1 union\n select 2", "sql"), ("x; cat /etc/passwd", "command"),
        ("x | whoami", "command"), ("x && rm -rf /", "command"), ("..\\..\\windows", "path"), ("%2e%2e%2fetc", "path"),
        ("%2E%2E%2F", "path"), ("%252e%252e%252f", "path"), ("?file=../secret", "path"), ("../etc/shadow", "path"),
        ("{{7*7}}", "template"), ("{{ config }}", "template"), ("${7*7}", "template"), ("${jndi:ldap://x}", "template"),
        ("<%= 7*7 %>", "template"), (#"{"$gt": ""}"#, "nosql"), (#"{"$gte": 1}"#, "nosql"),
        (#"{"$ne": null}"#, "nosql"),
        ("$where", "nosql"), (#"{"$regex": ".*"}"#, "nosql"), ("*)(uid=*", "ldap"), (")(&", "ldap"), (")(cn=*", "ldap"),
        ("<script", ""), ("java<b></b>script:alert(1)", "xss"),
    ])
    func findsAnAttack(_ raw: String, of family: String) {
        let danger = MessageSanitizer().review(raw).danger
        #expect(family.isEmpty ? danger == nil : danger?.hasPrefix(family + ": ") == true, "\(danger ?? "nothing")")
    }

    @Test(arguments: MessageSanitizer.Mode.allCases)
    func findsAttacksInEveryMode(_ mode: MessageSanitizer.Mode) {
        #expect(MessageSanitizer(mode: mode).review("<script>alert(1)</script>").danger == "xss: script element")
    }

    @Test(arguments: [
        "Here is the data: 1, 2", "the metadata: text", "Answer 'yes' or 'no'.", "Should I write 'their' or 'there'?",
        "What does the 'or' operator do? And 'and', 'or', 'not'?", "import x from '../lib/x'", "cd ../src",
        "The cat; the dog",
        "echo ${HOME} and ${user.name}", "for f in ${files[@]}", "{{ user.name }} in Vue", "$new = $next; $network",
        "$greater", "window.onload = start;", "the UNION selected a few friends", "a && b", "ls | wc",
    ])
    func letsOrdinaryTextPass(_ raw: String) {
        #expect(MessageSanitizer().review(raw).danger == nil)
    }
}
