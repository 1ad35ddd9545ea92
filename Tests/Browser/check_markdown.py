"""The renderer of answers: what models write, whole and as it grows by one character at a time."""

# Attributes that every link, block or region has are left out, and so is the bar above code.
DRAW = """async (source) => {
  const { Markdown } = await import("/chat/app/markdown.js");
  const draw = (pieces) => {
    const root = document.createElement("div");
    const markdown = new Markdown(root);
    for (const piece of pieces) {
      markdown.append(piece);
      markdown.draw();
    }
    markdown.finish();
    for (const bar of root.querySelectorAll(".code-bar")) bar.remove();
    for (const piece of root.querySelectorAll("pre .piece")) piece.replaceWith(piece.textContent);
    return root.innerHTML.replace(/ (dir|rel|target|title|tabindex|role|aria-label)="[^"]*"/g, "");
  };
  return [draw([source]), draw([...source])];
}"""

CODE = '<div class="code"><pre><code>{}</code></pre></div>'
CASES = {
    "***both*** **bold *it* x** _a_ snake_case_word a * b": "<p><em><strong>both</strong></em> <strong>bold <em>it</em> x</strong> <em>a</em> snake_case_word a * b</p>",
    "**中文。**后": "<p><strong>中文。</strong>后</p>",
    "**Note [1]:** *[x](https://a.b/(c)_d)*": '<p><strong>Note [1]:</strong> <em><a href="https://a.b/(c)_d">x</a></em></p>',
    "~~gone~~ ~one~ \\*not\\* **half": "<p><del>gone</del> ~one~ *not* **half</p>",
    "`` a`b `` and `c` and ``half": "<p><code>a`b</code> and <code>c</code> and ``half</p>",
    "one\ntwo  \nthree<br>four": "<p>one<br>two<br>three<br>four</p>",
    "&lt;b&gt; &amp;amp; &#x41; <b>x</b>": "<p>&lt;b&gt; &amp;amp; A &lt;b&gt;x&lt;/b&gt;</p>",
    "https://x.y/z_(a). (https://x.y) <https://q.r> **https://s.t**":
        '<p><a href="https://x.y/z_(a)">https://x.y/z_(a)</a>. (<a href="https://x.y/">https://x.y</a>) '
        '<a href="https://q.r/">https://q.r</a> <strong><a href="https://s.t/">https://s.t</a></strong></p>',
    "[t]( https://a.b \"title\" ) [e]() [rel](/x) ![pic](https://i.j/k.png) [![b](https://i.j/k.png)](https://l.m)":
        '<p><a href="https://a.b/">t</a> [e]() [rel](/x) <a href="https://i.j/k.png">Picture: pic</a> <a href="https://l.m/">Picture: b</a></p>',
    "# H\ntext\n## H2 ##\n---\n* * *\nTitle\n===\nx": '<h3 class="h1">H</h3><p>text</p><h4 class="h2">H2</h4><hr><hr><h3 class="h1">Title</h3><p>x</p>',
    "text\n- a\n- b\n\nafter": "<p>text</p><ul><li><p>a</p></li><li><p>b</p></li></ul><p>after</p>",
    "1. one\n  - two\n2. three\n\n   para\n\n   ```js\n   a\n\n     b\n   ```\n3. four":
        '<ol class="loose"><li><p>one</p><ul><li><p>two</p></li></ul></li><li><p>three</p><p>para</p>' + CODE.format("a\n\n  b") + "</li><li><p>four</p></li></ol>",
    "* a\n    * b\n        * c\n    * d\n* e":
        "<ul><li><p>a</p><ul><li><p>b</p><ul><li><p>c</p></li></ul></li><li><p>d</p></li></ul></li><li><p>e</p></li></ul>",
    "10. ten\n11. eleven": '<ol start="10"><li><p>ten</p></li><li><p>eleven</p></li></ol>',
    "- [ ] t\n- [x] u": '<ul><li class="task"><span class="box">☐</span> <p>t</p></li><li class="task"><span class="box">☑</span> <p>u</p></li></ul>',
    "> q\n> - x\n>   ```\n>   code\n>   ```\n\nout": "<blockquote><p>q</p><ul><li><p>x</p>" + CODE.format("code") + "</li></ul></blockquote><p>out</p>",
    "| a | b |\n|:--|--:|\n| `x\\|y` | **z** |\n| only |\ntext":
        '<div class="table"><table><thead><tr><th scope="col">a</th><th class="end" scope="col">b</th></tr></thead><tbody><tr><td><code>x|y</code></td>'
        '<td class="end"><strong>z</strong></td></tr><tr><td>only</td><td class="end"></td></tr></tbody></table></div><p>text</p>',
    "para\n```\n\tcode\n\n# no\n```\npara": "<p>para</p>" + CODE.format("\tcode\n\n# no") + "<p>para</p>",
    "~~~~py\n~~~\n```\n~~~~\nx": CODE.format("~~~\n```") + "<p>x</p>",
    "```\nnot closed\n- x\n": CODE.format("not closed\n- x\n"),
}


def check_markdown(stage):
    with stage.desk(log_in=False) as desk:
        for source, expected in CASES.items():
            whole, grown = desk.page.evaluate(DRAW, source)
            assert whole == expected, f"{source!r}\nis  {whole}\nnot {expected}"
            assert grown == expected, f"{source!r} as it grows\nis  {grown}\nnot {expected}"
