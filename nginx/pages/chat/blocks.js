// The blocks of a Markdown text by its lines, one container at a time. Each expression looks at one line and tries no
// stretch of it twice.

export const BLANK = /^\s*$/;
const FENCE = /^ {0,3}(`{3,}(?=[^`]*$)|~{3,})(.*)$/;
export const HEADING = /^ {0,3}(#{1,6})(?=[ \t]|$)/;
const RULE = /^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$/;
export const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,3})([-*+]|\d{1,9}[.)])(?:( {1,4})(?! )|( )|$)/;
const UNDERLINE = /^ {0,3}=+[ \t]*$/;
const COLUMNS = /^ {0,3}\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;

/** Only short lines are rules: this keeps the time bounded. */
const isRule = (line) => line.length < 1_000 && RULE.test(line);
const opens = (line) => FENCE.test(line) || HEADING.test(line) || QUOTE.test(line) || isRule(line)
  || /^ {0,3}(?:[-*+]|1[.)]) +\S/.test(line);

/** The blocks of one container, without looking into them. */
export function* split(lines) {
  for (let at = 0; at < lines.length;) {
    const start = at;
    const line = lines[at];
    const fence = FENCE.exec(line);
    const item = ITEM.exec(line);
    if (BLANK.test(line)) {
      at += 1;
      continue;
    }
    if (fence) {
      const closing = new RegExp(`^ {0,3}\\${fence[1][0]}{${Math.min(fence[1].length, 1_000)},}[ \\t]*$`);
      for (at += 1; at < lines.length && !closing.test(lines[at]); at += 1);
      const isClosed = at < lines.length;
      const end = isClosed ? at + 1 : at;
      yield { kind: "code", start, end, isClosed, info: fence[2].trim(), indent: line.search(/\S/) };
      at += isClosed ? 1 : 0;
    } else if (HEADING.test(line)) {
      at += 1;
      yield { kind: "heading", start, end: at };
    } else if (isRule(line)) {
      at += 1;
      yield { kind: "rule", start, end: at };
    } else if (QUOTE.test(line)) {
      while (at < lines.length && (QUOTE.test(lines[at]) || !BLANK.test(lines[at]) && !opens(lines[at]))) at += 1;
      yield { kind: "quote", start, end: at };
    } else if (item) {
      const items = [];
      for (let next = item; next && kindOf(next) === kindOf(item) && !isRule(lines[at]);) {
        const first = at;
        const width = next[1].length + next[2].length + (next[3]?.length ?? 1);
        const least = Math.min(width, next[1].length + 2);
        for (at += 1; at < lines.length && belongs(lines, at, least); at += 1);
        items.push({ start: first, end: at, width });
        while (at < lines.length && BLANK.test(lines[at]) && at + 1 < lines.length) at += 1;
        next = at < lines.length ? ITEM.exec(lines[at]) : null;
      }
      at = items[items.length - 1].end;
      yield { kind: "list", start, end: at, items, first: Number.parseInt(item[2], 10) };
    } else if (line.includes("|") && isColumns(lines[at + 1] ?? "", line)) {
      for (at += 2; at < lines.length && lines[at].includes("|") && !opens(lines[at]); at += 1);
      yield { kind: "table", start, end: at };
    } else {
      for (at += 1; at < lines.length && !BLANK.test(lines[at]) && !opens(lines[at]); at += 1) {
        if (at === start + 1 && UNDERLINE.test(lines[at])) break;
      }
      const isHeading = at === start + 1 && UNDERLINE.test(lines[at] ?? "");
      at += isHeading ? 1 : 0;
      yield { kind: isHeading ? "title" : "text", start, end: at };
    }
  }
}

const isColumns = (line, head) =>
  line.length < 1_000 && COLUMNS.test(line) && cellsOf(line).length === cellsOf(head).length;

const kindOf = (item) => item[2].slice(-1);

const indentOf = (line) => {
  let columns = 0;
  for (const character of line) {
    if (character === "\t") columns += 4 - columns % 4;
    else if (character === " ") columns += 1;
    else break;
  }
  return columns;
};

/** Whether a line goes on with the item above it. */
function belongs(lines, at, least) {
  if (!BLANK.test(lines[at])) {
    return indentOf(lines[at]) >= least || !BLANK.test(lines[at - 1]) && !opens(lines[at]) && !ITEM.test(lines[at]);
  }
  // Of blank lines those that more of the item follows.
  let next = at + 1;
  while (next < lines.length && next < at + 20 && BLANK.test(lines[next])) next += 1;
  return next < lines.length && !BLANK.test(lines[next]) && indentOf(lines[next]) >= least;
}

export function outdent(line, columns) {
  let at = 0;
  for (let column = 0; column < columns && (line[at] === " " || line[at] === "\t"); at += 1) {
    column += line[at] === "\t" ? 4 - column % 4 : 1;
  }
  return line.slice(at);
}

export function cellsOf(line) {
  const cells = line.trim().split(/(?<!\\)\|/);
  if (cells[0].trim() === "") cells.shift();
  if (cells.length > 1 && cells[cells.length - 1].trim() === "") cells.pop();
  return cells.map((cell) => cell.trim().replaceAll("\\|", "|"));
}
