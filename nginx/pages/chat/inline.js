// Markdown within a paragraph: emphasis, code, links, breaks. In one pass and in time that grows with the text,
// whatever it holds: openers wait on a stack of bounded height, and no expression here can try a stretch twice.

import { make } from "./dom.js";

/** Openers that may wait at once; further ones are text. It bounds how deep elements lie within each other. */
const HEIGHT = 24;
const SPECIAL = /[\\`*_~[\]!<&\n]|https?:\/\//g;
const DESTINATION = new RegExp([
  /\([ \n]{0,9}/, /(?:<([^<>\n]{0,4000})>|((?:[^\s()<>]|\([^\s()<>]{0,2000}\)){0,4000}))/,
  /(?:[ \n]{1,9}(?:"[^"\n]{0,500}"|'[^'\n]{0,500}'))?/, /[ \n]{0,9}\)/,
].map((part) => part.source).join(""), "y");
const ANGLE = /<((?:https?:\/\/|mailto:)[^\s<>]{1,4000})>/yi;
const BREAK = /<br ?\/?>/yi;
const BARE = /https?:\/\/[^\s<>"`\\^{|}]{1,4000}/yi;
const ENTITY = /&(?:#(\d{1,7})|#x([\da-f]{1,6})|(amp|lt|gt|quot|apos|nbsp));/yi;
const NAMED = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0" };
const PUNCTUATION = /[!-/:-@[-`{-~]/;
const TAGS = { "*1": "em", "_1": "em", "*2": "strong", "_2": "strong", "~2": "del" };

/** The address, as it will be followed, where it may be a link at all. */
export function safeAddress(text) {
  try {
    const url = new URL(text);
    return ["http:", "https:", "mailto:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}

const link = (address, ...children) => make("a", {
  href: address, target: "_blank", rel: "noopener noreferrer nofollow", title: address,
}, ...children);

/**
 * @param target takes the nodes.
 * @param budget {left}: how many more may be made; what comes after is one text.
 */
export function inline(source, target, budget) {
  const stack = [{ node: target }];
  const top = () => stack[stack.length - 1];
  let text = "";
  const put = (...nodes) => {
    if (text) {
      budget.left -= 1;
      top().node.append(text);
      text = "";
    }
    budget.left -= nodes.length;
    top().node.append(...nodes);
  };
  const push = (opener) => {
    put();
    stack.push({ node: document.createDocumentFragment(), ...opener });
  };
  /** What opened nothing is text. */
  const collapse = (height) => {
    put();
    while (stack.length > height) {
      const opener = stack.pop();
      top().node.append(opener.mark.repeat(opener.count), opener.node);
    }
  };
  const runs = backtickRuns(source);

  let at = 0;
  while (at < source.length) {
    SPECIAL.lastIndex = at;
    const found = budget.left > 0 ? SPECIAL.exec(source) : null;
    text += source.slice(at, found?.index ?? source.length);
    if (!found) break;
    at = found.index;
    const mark = found[0];
    switch (mark) {
    case "\\":
      if (source[at + 1] === "\n") put(make("br"));
      else if (PUNCTUATION.test(source[at + 1] ?? "")) text += source[at + 1];
      else { text += mark; at -= 1; }
      at += 2;
      break;
    case "\n":
      text = text.trimEnd();
      put(make("br"));
      at += 1;
      break;
    case "`": {
      const length = runLength(source, at);
      const end = runs.after(at, length);
      if (end === undefined) text += "`".repeat(length);
      else put(make("code", {}, codeText(source.slice(at + length, end))));
      at = (end ?? at) + length;
      break;
    }
    case "*": case "_": case "~": {
      const length = runLength(source, at);
      emphasise(mark, length, source[at - 1] ?? " ", source[at + length] ?? " ");
      at += length;
      break;
    }
    case "!":
    case "[": {
      const opener = mark === "!" ? "![" : "[";
      if (source.startsWith(opener, at) && stack.length < HEIGHT) push({ mark: opener, count: 1 });
      else text += mark === "!" ? "!" : opener;
      at += source.startsWith(opener, at) ? opener.length : 1;
      break;
    }
    case "]":
      at += 1;
      at += closeBracket(at);
      break;
    case "<": {
      const angle = match(ANGLE, source, at);
      const address = angle && safeAddress(angle[1]);
      const lineBreak = match(BREAK, source, at);
      if (address) put(link(address, angle[1]));
      else if (lineBreak) put(make("br"));
      else text += "<";
      at += address ? angle[0].length : lineBreak?.[0].length ?? 1;
      break;
    }
    case "&": {
      const entity = match(ENTITY, source, at);
      text += entity ? character(entity) : "&";
      at += entity?.[0].length ?? 1;
      break;
    }
    default: {
      const address = bareAddress(at);
      const isInLink = stack.some((opener) => opener.mark === "[");
      const href = /\w/.test(source[at - 1] ?? "") || isInLink ? null : safeAddress(address);
      if (href) put(link(href, address));
      else text += address || mark;
      at += (address || mark).length;
    }
    }
  }
  collapse(1);

  function emphasise(mark, length, before, after) {
    const isAfterSpace = /\s/.test(before);
    const isBeforeSpace = /\s/.test(after);
    const opensLeft = !isBeforeSpace && (!PUNCTUATION.test(after) || isAfterSpace || PUNCTUATION.test(before));
    const closesRight = !isAfterSpace && (!PUNCTUATION.test(before) || isBeforeSpace || PUNCTUATION.test(after));
    const opens = opensLeft && (mark !== "_" || !closesRight || PUNCTUATION.test(before));
    const closes = closesRight && (mark !== "_" || !opensLeft || PUNCTUATION.test(after));
    let left = length;
    while (closes && left > 0) {
      let height = stack.length - 1;
      while (height > 0 && stack[height].mark !== mark && !stack[height].mark.endsWith("[")) height -= 1;
      const opener = stack[height];
      if (height === 0 || opener.mark !== mark) break;
      // CommonMark's rule of three.
      if ((opens || opener.closes) && (opener.length + length) % 3 === 0 && length % 3 !== 0) break;
      const count = Math.min(2, left, opener.count);
      const tag = TAGS[mark + count];
      if (!tag) break;
      collapse(height + 1);
      const element = make(tag, {}, opener.node);
      opener.count -= count;
      left -= count;
      budget.left -= 1;
      if (opener.count === 0) stack.pop();
      top().node.append(element);
    }
    if (left > 0 && opens && stack.length < HEIGHT) push({ mark, count: left, length, closes });
    else text += mark.repeat(left);
  }

  /** @returns how much of what follows belongs to a link. */
  function closeBracket(after) {
    let height = stack.length - 1;
    while (height > 0 && !stack[height].mark.endsWith("[")) height -= 1;
    if (height === 0) {
      text += "]";
      return 0;
    }
    collapse(height + 1);
    const opener = stack.pop();
    const destination = opener.isDead ? null : match(DESTINATION, source, after);
    const address = destination && safeAddress(destination[1] ?? destination[2]);
    if (!address) {
      top().node.append(opener.mark, opener.node, "]");
      return 0;
    }
    const label = opener.node.textContent ? opener.node : address;
    // Pictures are not fetched: who made them would learn who reads this.
    if (opener.mark === "[") put(link(address, label));
    else if (stack.some((other) => other.mark === "[")) put("Picture: ", label);
    else put(link(address, "Picture: ", label));
    if (opener.mark === "[") for (const other of stack) if (other.mark === "[") other.isDead = true;
    return destination[0].length;
  }

  function bareAddress(from) {
    const address = match(BARE, source, from)?.[0] ?? "";
    const count = (mark) => address.split(mark).length;
    // How many brackets close what none has opened.
    const unopened = { ")": count(")") - count("("), "]": count("]") - count("[") };
    let end = address.length;
    for (; end > 0 && /[.,:;!?'*_~\])]/.test(address[end - 1]); end -= 1) {
      const mark = address[end - 1];
      if (!(mark in unopened)) continue;
      if (unopened[mark] <= 0) break;
      unopened[mark] -= 1;
    }
    return address.slice(0, end);
  }
}

function match(expression, source, at) {
  expression.lastIndex = at;
  return expression.exec(source);
}

function runLength(source, at) {
  let end = at;
  while (source[end] === source[at]) end += 1;
  return end - at;
}

function codeText(text) {
  const line = text.replaceAll("\n", " ");
  return line.startsWith(" ") && line.endsWith(" ") && line.trim() ? line.slice(1, -1) : line;
}

function character([, decimal, hexadecimal, name]) {
  if (name) return NAMED[name.toLowerCase()];
  const code = decimal ? Number(decimal) : Number.parseInt(hexadecimal, 16);
  return code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : "\ufffd";
}

/** Where runs of backticks begin, by their length. */
function backtickRuns(source) {
  let runs;
  const passed = new Map();
  return {
    after(at, length) {
      runs ??= Map.groupBy([...source.matchAll(/`+/g)], (run) => run[0].length);
      const same = runs.get(length) ?? [];
      // They are asked for from left to right.
      let next = passed.get(length) ?? 0;
      while (next < same.length && same[next].index <= at) next += 1;
      passed.set(length, next);
      return same[next]?.index;
    },
  };
}
