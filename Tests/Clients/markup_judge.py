"""A second judge of what the sanitizer leaves: html5lib, which shares no line with the parser that it uses.

Reads a JSON string a line. Each is read as a page would show it, as it is where it holds no Markdown code, and as two
Markdown renderers pass it on, which escape what they take for code. No element may be left that acts: that runs, loads,
sends or restyles something. Prints those texts where one is, and exits with 1 if there are any."""

import html
import json
import re
import sys

import html5lib
import mistune
from markdown_it import MarkdownIt

ACTS = {"script", "style"}
EVERYWHERE = re.compile(r"^(?:on[a-z]{3,}.*|style|class|id)$", re.S)
ATTRIBUTES = {
    "a": "href ping", "applet": "archive code codebase object", "area": "href ping", "audio": "src",
    "base": "href", "body": "background", "button": "formaction", "embed": "code src", "form": "action",
    "frame": "src", "iframe": "src srcdoc", "image": "src srcset", "img": "dynsrc lowsrc src srcset",
    "input": "dynsrc formaction lowsrc src", "link": "href imagesrcset", "meta": "content",
    "object": "archive classid codebase data", "source": "src srcset", "table": "background", "td": "background",
    "th": "background", "track": "src", "video": "poster src",
}
HTML = "{http://www.w3.org/1999/xhtml}"

commonmark = MarkdownIt("commonmark", {"html": True}).enable("table")
mistune_tokens = mistune.create_markdown(renderer="ast", plugins=["table", "url", "footnotes"], escape=False)


def acting(text):
    """The first element of a page with this text that acts; None when there is none."""
    for element in html5lib.parseFragment(text).iter():
        name = element.tag
        if not isinstance(name, str) or name == "DOCUMENT_FRAGMENT":
            continue
        if not name.startswith(HTML) or name.removeprefix(HTML) in ACTS:
            return name
        name = name.removeprefix(HTML)
        for attribute, value in element.attrib.items():
            attribute = attribute if isinstance(attribute, str) else attribute[1]
            if value and (EVERYWHERE.match(attribute) or attribute in ATTRIBUTES.get(name, "").split()):
                return f"{name} {attribute}"
    return None


def passed_on(tokens):
    """What markdown-it passes on as HTML, and its text."""
    for token in tokens:
        if token.children:
            yield from passed_on(token.children)
        elif token.type in ("html_block", "html_inline"):
            yield token.content
        else:
            yield html.escape(token.content) or "<p>"  # what Markdown itself makes: a tag


def passed_on_by_mistune(tokens):
    for token in tokens:
        if token["type"] in ("block_html", "inline_html"):
            yield token["raw"]
        elif "raw" in token:
            yield html.escape(token["raw"])
        else:
            yield "<p>"
        yield from passed_on_by_mistune(token.get("children", []))


def found(text):
    if not re.search(r"[`~]|\n *\t|\n {4}", text) and (element := acting(text)):
        return f"as it is: {element}"
    if element := acting("".join(passed_on(commonmark.parse(text)))):
        return f"markdown-it: {element}"
    if element := acting("".join(passed_on_by_mistune(mistune_tokens(text)))):
        return f"mistune: {element}"
    return None


texts = [json.loads(line) for line in sys.stdin]
guilty = [(text, element) for text in texts if (element := found(text))]
for text, element in guilty[:20]:
    print(f"{element}: {text!r}")
print(f"{len(guilty)} of {len(texts)} texts have an element that acts")
sys.exit(1 if guilty else 0)
