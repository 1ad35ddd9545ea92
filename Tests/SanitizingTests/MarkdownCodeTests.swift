import Chat
import Sanitizing
import Testing

/// What every Markdown renderer shows as it was typed stays; what only some of them do is text like any other.
@Suite(.timeLimit(.minutes(1))) struct MarkdownCodeTests {
    private func text(_ raw: String) -> String { MessageSanitizer().review(raw).text }

    @Test(arguments: [
        "Use `<div>` and `<span>` tags", "``a ` <b>x</b>`` and `<i>`", "```html\n<div onclick=\"f()\">x</div>\n```",
        "~~~\n<b>x</b>\n\n<i>y</i>\n~~~\nend", "1. So:\n   ```\n   <b>x</b>\n   ```",
        "Look:\n\n    <b>x</b>\n\n    <i>y</i>\nend",
        "Look:\n\n\t<b>x</b>", "````\n```\n<b>x</b>\n```\n````", "`a` and `<b>x</b>`\n`<i>`",
        "`<!-- x -->` is a comment",
        "It costs $5: `<b>`", "[a](https://example.com) `<b>`", "| `<b>` | `<i>` |\n|---|---|", "`\\<b>`",
        "> ```\n\nx `<b>`",
    ])
    func staysAsItIs(_ raw: String) {
        let expected = raw == "> ```\n\nx `<b>`" ? "> ```\n\nx ``" : raw
        #expect(text(raw) == expected)
    }

    /// Code beside other features.
    @Test(arguments: [
        ("- a\n\n  ```html\n  <b>x</b>\n  ```\n\n- <b>y</b>", "- a\n\n  ```html\n  <b>x</b>\n  ```\n\n- y"),
        ("````md\n```\n<b>\n```\n````\n<b>y</b>", "````md\n```\n<b>\n```\n````\ny"),
        ("~~~\n<b>x</b>\n```\n~~~", "~~~\n<b>x</b>\n```\n~~~"), ("```html <b>\n<i>\n```", "```html <b>\n<i>\n```"),
        ("```\n<!-- c -->\n<b>\n```\n<!-- d -->", "```\n<!-- c -->\n<b>\n```\n"),
        ("text\n```html\n<b>x</b>\n\nmore", "text\n```html\nx\n\nmore"), ("a `code\n<i>` b", "a `code\n` b"),
        ("- a\n\n      <b>x</b>", "- a\n\n      x"), ("> ```\n> <b>x</b>\n> ```", "> ```\n> x\n> ```"),
        ("| `<b>` |\n|-|\n| <i>x</i> |", "| `<b>` |\n|-|\n| x |"), ("```js`\n<b>x</b>\n```", "```js`\nx\n```"),
        // Any newline ends a line, and what is no character of a text makes neither a fence nor a tag.
        ("```\r\n<b>x</b>\r\n```\r\n<b>y</b>", "```\n<b>x</b>\n```\ny"), ("`<b>`\r<i>x</i>", "`<b>`\nx"),
        ("``\0`\n<b>x</b>\n```", "```\n<b>x</b>\n```"), ("<b\0 x=y>z", "z"), ("<\u{1}b>x</\u{7F}b>", "x"),
        ("<scr\u{85}ipt>x</script>", ""), ("<\u{200B}b>x", "<\u{200B}b>x"), ("\u{FEFF}<b>x</b>", "\u{FEFF}x"),
    ])
    func standsBesideMarkup(_ raw: String, leaving expected: String) {
        #expect(text(raw) == expected)
    }

    /// None of these is code for certain, and each has been an attack on some renderer that passes HTML on.
    @Test(arguments: [
        // A fence that nothing closes, or not for sure.
        "```\n<svg>", "```\n<svg>\n~~~", "- a\n  ```\n<svg>\n  ```", "- ```\n<svg>\n```", "```\n<svg>\n    ```",
        // A span that ends elsewhere, or begins somewhere else.
        "`<svg>", "`<svg>``", "`a\nb` <svg> `c`", "\\`<svg>`", "a `` b\n` c `` <svg> `", "# ``\n` ``\n` <svg> `",
        "<https://a`> <svg> `", "<note `> <svg> `", "<? ` ?> <svg> `", "[a](`) <svg> `", "[a][`] <svg> `",
        "[^`] <svg> `",
        "http://a/` <svg> `", "www.a/` <svg> `", "| ` | <svg> ` |\n|---|---|", "$ ` $ <svg> `",
        // Indented, but in a list, or a paragraph, or at the start of a message, which is trimmed.
        "- a\n\n    <svg>", "1) a\n\n    <svg>", "a\n    <svg>", "    <svg>", "<b></b>\n\n    <svg>",
        "\u{A0}\n\n    <svg>",
        "[^1]: a\n\n    <svg>",
        // In what may be a block of HTML, or of mathematics.
        "<note>\n```\n<svg>\n```", "<note>\n`<svg>`", "<?php\n\n```\n<svg>\n```", "$$\n```\n$$\n<svg>\n```",
        // Code until something is removed.
        "`<b>`x`</b>` <svg> `", "a<b>`</b><svg>`<i>`</i>",
    ])
    func isNoCode(_ raw: String) {
        #expect(!text(raw).contains("<svg>"), "\(text(raw).debugDescription)")
    }
}
