"""A model's answer is a stranger's text: nothing in it runs, loads, or takes the page's time."""

from playwright.sync_api import expect

ATTACKS = {
    "handlers": "<img src=x onerror=window.pwned=1> <svg onload=window.pwned=1> <a href='javascript:window.pwned=1'>x</a>",
    "block": "<script>window.pwned=1</script>\n\n<iframe srcdoc='<script>parent.pwned=1</script>'></iframe>\n\n<style>*{display:none}</style>",
    "fence": "```html\n<img src=x onerror=window.pwned=1><script>window.pwned=1</script>\n```\n\n~~~\"><img src=x onerror=window.pwned=1>\nx\n~~~",
    "links": "\n\n".join(
        f"[link]({address}) ![picture]({address}) <{address}>"
        for address in (
            "javascript:window.pwned=1", "JaVaScRiPt:window.pwned=1", " javascript:window.pwned=1", "javascript&colon;window.pwned=1",
            "java\tscript:window.pwned=1", "&#106;avascript:window.pwned=1", "javascript&#58;window.pwned=1", "\\javascript:window.pwned=1",
            "<javascript:window.pwned=1>", "java&#10;script:window.pwned=1", "vbscript:pwned", "data:text/html,<script>pwned=1</script>",
            "file:///etc/passwd", "blob:https://localhost/x", "\x01javascript:window.pwned=1", "//evil.example/x", "/chat/history",
            "view-source:https://evil.example", "https://evil.example\" onmouseover=\"window.pwned=1")),
    "attributes": "[x](https://evil.example \"' onmouseover='window.pwned=1\") https://evil.example/?\"onclick=window.pwned=1 <https://a.example/'onclick=alert(1)>",
    "pictures": "![spy](https://evil.example/spy.png) [![spy](https://evil.example/spy.png)](https://evil.example)",
    "table": "| <img src=x onerror=window.pwned=1> | [x](javascript:window.pwned=1) |\n|---|---|\n| <script>window.pwned=1</script> | ok |",
    "info": "```<img/src/onerror=window.pwned=1>\nx\n```\n\n```\" onfocus=window.pwned=1 autofocus\nx\n```",
}

# What may be in an answer, and each element's attributes.
FOREIGN = """() => {
  const tags = new Set("P H3 H4 H5 H6 EM STRONG DEL CODE PRE A BR HR UL OL LI BLOCKQUOTE DIV SPAN TABLE THEAD TBODY TR TH TD BUTTON svg use".split(" "));
  const names = new Set(("dir class href target rel title start role tabindex aria-label aria-hidden scope colspan type data-did").split(" "));
  const wrong = [];
  for (const element of document.querySelectorAll(".text *")) {
    if (!tags.has(element.tagName)) wrong.push(element.outerHTML);
    for (const { name } of element.attributes) if (!names.has(name)) wrong.push(`${name} of ${element.outerHTML}`);
    if (element.tagName === "A") {
      if (!["http:", "https:", "mailto:"].includes(element.protocol)) wrong.push(element.outerHTML);
      if (element.target !== "_blank" || !element.relList.contains("noopener")) wrong.push(element.outerHTML);
    }
  }
  return wrong;
}"""

# 1 MB each. What is repeated, and what stands before and after.
BOMBS = {
    "stars": ("*a ", "", ""), "nested stars": ("*a **b ", "", " c** d*" * 800), "brackets": ("[", "", ""), "links": ("[a](", "", ""),
    "pictures": ("![a](b \"", "", ""), "quotes": ("> ", "", "x"), "quoted lines": (">>>> a\n", "", ""), "items": ("- ", "", "x"),
    "lines of items": ("- a\n", "", ""), "deeper items": ("", "".join(" " * (2 * n) + "- a\n" for n in range(1000)), ""),
    "backticks": ("`a``b```", "", ""), "one run": ("`", "x ", ""), "fence": ("let a = 1;\n", "```js\n", ""),
    "long line of code": ("x", "```\n", ""), "table": ("|a|b|c|\n", "|a|b|c|\n|-|-|-|\n", ""),
    "wide table": ("|a", "", "\n" + "|-" * 300_000 + "\n" + "|b" * 100), "delimiters": ("-", "|a|\n|", " " * 1000 + "x"),
    "paragraphs": ("a\n\n", "", ""), "addresses": ("https://a.example/)))) ", "", ""), "blank lines": ("\n", "- a", "- b"),
    "spaces": (" ", "* * *", "x"), "rules": ("* ", "", "x"), "code of spaces": (" a", "`", "`"), "mixed": ("- > 1. `*_[<&\n", "", ""),
}

# Draws it short, whole, and as it grows; the longest that it keeps everything else waiting, layout included.
EXPLODE = """async ([unit, before, after]) => {
  const { Markdown } = await import("/chat/app/markdown.js");
  const long = (size) => before + unit.repeat(unit ? Math.floor(size / unit.length) : 0) + after;
  const text = long(1e6);
  const place = document.querySelector("#thread");
  const run = (pieces) => {
    const root = document.createElement("div");
    root.className = "text";
    place.replaceChildren(root);
    const markdown = new Markdown(root);
    let longest = 0;
    for (const piece of pieces) {
      const began = performance.now();
      markdown.append(piece);
      markdown.draw(piece === pieces[pieces.length - 1]);
      root.getBoundingClientRect().height;
      longest = Math.max(longest, performance.now() - began);
    }
    const count = root.querySelectorAll("*").length;
    let depth = 0;
    for (const element of count < 20_000 ? root.querySelectorAll("*") : []) {
      let own = 0;
      for (let at = element; at !== root; at = at.parentElement) own += 1;
      depth = Math.max(depth, own);
    }
    return { longest: Math.round(longest), count, depth, length: root.textContent.length };
  };
  const pieces = [];
  for (let at = 0; at < text.length; at += 40_000) pieces.push(text.slice(at, at + 40_000));
  // The short one is not too long to be looked at.
  return [run([long(12_000)]), run([text]), run(pieces)];
}"""

# Each could be looked at anew for each one after it. What stands before, what is repeated, and how often at first. Without
# a letter a browser looks further for the direction.
GROWING = {
    "closing brackets": ("http://x", ")", 980), "square brackets": ("http://x", "]", 980),
    "items of nothing": ("", "-\n", 1_900), "quotes": ("", "> 1\n>\n", 950),
}

# The milliseconds that it and four times as much take to become elements; the best of some tries.
GROW = """async ([before, unit, count]) => {
  const { Markdown } = await import("/chat/app/markdown.js");
  const time = (text) => Math.min(...Array.from({ length: 5 }, () => {
    const markdown = new Markdown(document.createElement("div"));
    const began = performance.now();
    markdown.append(text);
    markdown.draw(true);
    return performance.now() - began;
  }));
  return [time(before + unit.repeat(count)), time(before + unit.repeat(4 * count))];
}"""


def check_attack(stage):
    with stage.desk() as desk:
        for name, attack in ATTACKS.items():
            # In small pieces, so that half a tag is drawn too.
            stage.provider.script(f"attack {name}", *[attack[at:at + 9] for at in range(0, len(attack), 9)])
            desk.ask(f"attack {name}")
        desk.page.reload()
        expect(desk(".exchange")).to_have_count(len(ATTACKS))
        assert desk.page.evaluate(FOREIGN) == []
        for link in desk(".text a").all():
            link.hover(force=True)
        assert desk.page.evaluate("window.pwned") is None
        assert desk(".text").filter(has_text="<img src=x onerror=window.pwned=1>").count() >= 2
        assert len(desk.context.pages) == 1
        # A question is a stranger's text, too, to who reads on somebody else's screen.
        assert desk(".bubble").first.inner_html() == "attack handlers"


def check_bomb(stage):
    with stage.desk() as desk:
        for name, parts in BOMBS.items():
            for result in desk.page.evaluate(EXPLODE, parts):
                # What grows with the square of the text would take minutes.
                assert result["longest"] < 4_000, (name, result)
                assert result["count"] < 10_000 and result["depth"] < 60, (name, result)


def check_time_grows_with_the_text(stage):
    with stage.desk(log_in=False) as desk:
        for name, parts in GROWING.items():
            short, long = desk.page.evaluate(GROW, parts)
            # With its square it would be 16 times as long.
            assert long < 8 * short + 20, (name, short, long)


def check_bomb_through_the_server(stage):
    with stage.desk() as desk:
        bomb = "- > *a **b `c\n" * 70_000
        stage.provider.script("bomb", *[bomb[at:at + 50_000] for at in range(0, len(bomb), 50_000)], "\n\nboom")
        desk.send("bomb")
        expect(desk(".exchange:not(.running) .text")).to_contain_text("boom")
        desk("#question").fill("still here")
        desk("#send").click()
        expect(desk(".exchange:last-child .text")).to_have_text("You said: still here")
