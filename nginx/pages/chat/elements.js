// Blocks as elements. Only this page's own tags and attributes are made; whatever a text holds, it stays text.

import { BLANK, HEADING, QUOTE, cellsOf, outdent, split } from "./blocks.js";
import { copy, icon, make } from "./dom.js";
import { inline } from "./inline.js";

/** Containers that lie within each other; further ones are text. */
const DEPTH = 8;
/** Characters of a paragraph that are looked at; a longer one is plain text. */
const PARAGRAPH = 20_000;

/** A long text in pieces, so that what is out of sight costs nothing. */
export class PlainText {
  #root;
  #last = null;

  constructor(root) { this.#root = root; }

  append(text) {
    for (let at = 0; at < text.length;) {
      const room = 8_192 - (this.#last?.length ?? 8_192);
      if (room <= 0) {
        this.#last = document.createTextNode("");
        this.#root.append(make("span", { class: "piece", dir: "auto" }, this.#last));
        continue;
      }
      let end = Math.min(text.length, at + room);
      // A piece ends with a line wherever it can.
      const newline = end < text.length ? text.lastIndexOf("\n", end - 1) : -1;
      if (newline >= at && end < text.length) end = newline + 1;
      this.#last.appendData(text.slice(at, end));
      if (end < text.length) this.#last = null;
      at = end;
    }
  }
}

function drawAll(lines, target, budget, depth) {
  for (const block of split(lines)) {
    if (budget.left <= 0) {
      new PlainText(target).append(lines.slice(block.start).join("\n"));
      return;
    }
    target.append(draw(block, lines, budget, depth));
  }
}

/**
 * @param block what split() found in these lines.
 * @param budget {left}: how many elements may still be made.
 */
export function draw(block, lines, budget, depth = 0) {
  budget.left -= 1;
  const own = lines.slice(block.start, block.end);
  // What is in a list or a quote goes the way of the whole.
  const direction = depth === 0 ? "auto" : null;
  const text = (tag, source, { dir = direction, ...properties } = {}) => {
    const element = make(tag, properties);
    if (source.length > PARAGRAPH) new PlainText(element).append(source);
    else inline(source, element, budget);
    return directed(element, dir);
  };
  if (depth >= DEPTH && (block.kind === "quote" || block.kind === "list")) return text("p", own.join("\n"));
  switch (block.kind) {
  case "code": {
    const body = own.slice(1, block.isClosed ? -1 : undefined).map((line) => outdent(line, block.indent));
    return codeBlock(block.info, body.join("\n")).element;
  }
  case "heading": {
    const level = HEADING.exec(own[0])[1].length;
    // The page has headings of its own above these.
    return text(`h${Math.min(6, level + 2)}`, withoutHashes(own[0].trim().slice(level)), { class: `h${level}` });
  }
  case "title": return text("h3", own[0].trim(), { class: "h1" });
  case "rule": return make("hr");
  case "quote": {
    const quote = make("blockquote");
    drawAll(own.map((line) => line.replace(QUOTE, "")), quote, budget, depth + 1);
    return directed(quote, direction);
  }
  case "list": return list(block, lines, budget, depth);
  case "table": return table(own, text, budget);
  default: return text("p", own.map((line) => line.trimStart()).join("\n").trimEnd());
  }
}

/** What is in it is there already: at each child a browser would look through all before it for the first letter. */
function directed(element, direction) {
  if (direction) element.dir = direction;
  return element;
}

function withoutHashes(text) {
  let end = text.length;
  while (text[end - 1] === "#") end -= 1;
  return end === 0 || /\s/.test(text[end - 1]) ? text.slice(0, end).trim() : text.trim();
}

function list(block, lines, budget, depth) {
  const isNumbered = !Number.isNaN(block.first);
  const element = make(isNumbered ? "ol" : "ul", {
    start: isNumbered && block.first !== 1 ? block.first : null,
  });
  const isLoose = lines.slice(block.start, block.end).some((line) => BLANK.test(line));
  if (isLoose) element.className = "loose";
  for (const item of block.items) {
    if (budget.left <= 0) {
      new PlainText(element.appendChild(make("li"))).append(lines.slice(item.start, block.end).join("\n"));
      break;
    }
    budget.left -= 1;
    const own = lines.slice(item.start, item.end).map((line) => outdent(line, item.width));
    own[0] = lines[item.start].slice(item.width);
    const shown = make("li");
    const task = /^\[([ xX])\] /.exec(own[0]);
    if (task) {
      own[0] = own[0].slice(4);
      shown.className = "task";
      const isDone = task[1] !== " ";
      shown.append(make("span", { class: "box", role: "img", "aria-label": isDone ? "done" : "not done" },
        isDone ? "☑" : "☐"), " ");
    }
    drawAll(own, shown, budget, depth + 1);
    element.append(shown);
  }
  return directed(element, depth === 0 ? "auto" : null);
}

function table(lines, text, budget) {
  const sides = cellsOf(lines[1]).map((mark) =>
    mark.endsWith(":") ? (mark.startsWith(":") ? "center" : "end") : null);
  const row = (line, tag) => make("tr", {}, ...sides.map((side, column) =>
    text(tag, line[column] ?? "", { dir: "auto", class: side, scope: tag === "th" ? "col" : null })));
  const body = make("tbody");
  for (const [at, line] of lines.entries()) {
    if (at < 2) continue;
    if (budget.left <= 0) {
      const cell = make("td", { colspan: Math.min(sides.length, 1_000) });
      new PlainText(cell).append(lines.slice(at).join("\n"));
      body.append(make("tr", {}, cell));
      break;
    }
    budget.left -= 1 + sides.length;
    body.append(row(cellsOf(line), "td"));
  }
  return make("div", { class: "table", role: "region", tabindex: 0, "aria-label": "Table" },
    make("table", {}, make("thead", {}, row(cellsOf(lines[0]), "th")), body));
}

/** @returns {element, text}: text takes what follows. */
export function codeBlock(info, source) {
  const language = /^[\w+#.-]{1,30}/.exec(info)?.[0] ?? "";
  const code = make("code");
  const text = new PlainText(code);
  text.append(source);
  const button = make("button", { type: "button", class: "quiet copy", onclick: () => copy(code.textContent, button) },
    icon("copy"), make("span", {}, "Copy"));
  const element = make("div", { class: "code" },
    make("div", { class: "code-bar" }, make("span", { class: "language" }, language || "text"), button),
    make("pre", { tabindex: 0, dir: "ltr", role: "region", "aria-label": `Code ${language}`.trim() }, code));
  return { element, text };
}
