"""Compares what the sanitizer made of texts with what nh3 makes of them.

Reads a JSON array a line: the text, and what became of it. Both are compared without control characters, with one kind
of newline and trimmed, as messages are. Prints the first texts that differ, and exits with 1 if more than one in a
thousand does."""

import json
import sys

import nh3


def trimmed(text):
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(c for c in text if c in "\t\n" or not (ord(c) < 32 or 127 <= ord(c) < 160)).strip()


def clean(text):
    return nh3.clean(
        text, tags=set(), attributes={}, strip_comments=True, link_rel="nofollow noopener noreferrer")


pairs = [json.loads(line) for line in sys.stdin]
# Control characters go before the text is parsed, as everywhere.
different = [(raw, ours) for raw, ours in pairs if trimmed(clean(trimmed(raw))) != trimmed(ours)]
for raw, ours in different[:20]:
    print(f"{raw!r}\n  nh3:  {trimmed(clean(trimmed(raw)))!r}\n  ours: {trimmed(ours)!r}")
print(f"{len(pairs) - len(different)} of {len(pairs)} texts are as nh3 has them")
sys.exit(1 if 1000 * len(different) > len(pairs) else 0)
