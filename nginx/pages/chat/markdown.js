// Markdown that grows: what is finished is never made anew, only the block at the end is. Everything is bounded: an
// answer has so many elements at most and a block is so long at most; what is beyond that is shown as plain text.

import { split } from "./blocks.js";
import { PlainText, codeBlock, draw } from "./elements.js";

const ELEMENTS = 8_000;
const BLOCK = 48_000;

/** Grows with {@link append}; {@link finish} it when nothing more comes. */
export class Markdown {
  #root;
  #source = "";
  /** Where the part begins that is not finished, and the nodes that show it. */
  #from = 0;
  #open = [];
  #budget = { left: ELEMENTS };
  #code = null;
  #plain = null;

  constructor(root) { this.#root = root; }

  get source() { return this.#source; }

  /** Takes text; it is shown by the next {@link draw}. */
  append(text) { this.#source += text; }

  finish() { this.draw(true); }

  draw(isWhole = false) {
    if (this.#plain || this.#draw(isWhole)) this.#drawPlain();
  }

  /** @returns whether the rest is to be plain. */
  #draw(isWhole) {
    const lines = this.#source.slice(this.#from).split("\n");
    const blocks = [];
    for (const block of split(lines)) {
      blocks.push(block);
      // There is no need to look for more than can be shown.
      if (blocks.length > this.#budget.left + 1) break;
    }
    // The last line may not be all there: what it will be decides what the block above it is.
    let done = isWhole || blocks.length > this.#budget.left ? blocks.length : blocks.length - 1;
    if (done > 0 && done < blocks.length && blocks[done].start === lines.length - 1) done -= 1;
    if (done <= 0 && !isWhole && this.#growCode(lines, blocks)) return false;
    this.#code = null;
    for (const node of this.#open) node.remove();
    this.#open = [];

    for (const block of blocks.slice(0, done)) {
      if (this.#budget.left <= 0 || sizeOf(block, lines) > BLOCK) return this.#skip(block, lines);
      this.#root.append(draw(block, lines, this.#budget));
    }
    const rest = blocks.slice(done);
    if (rest.length === 0) {
      this.#from = this.#source.length;
      return false;
    }
    this.#skip(rest[0], lines);
    if (this.#budget.left <= 0 || (rest[0].kind !== "code" && this.#source.length - this.#from > BLOCK)) return true;
    this.#open = rest.map((block) => draw(block, lines, { left: this.#budget.left }));
    this.#root.append(...this.#open);
    return false;
  }

  #skip(block, lines) {
    for (const line of lines.slice(0, block.start)) this.#from += line.length + 1;
    return true;
  }

  /** A code block at the end only gets longer. @returns whether that was all. */
  #growCode(lines, blocks) {
    const block = blocks[0];
    if (blocks.length !== 1 || block.kind !== "code" || block.isClosed || block.indent > 0) return false;
    if (block.start > 0) {
      this.#skip(block, lines);
      return this.#growCode(this.#source.slice(this.#from).split("\n"), [...split(lines.slice(block.start))]);
    }
    // Half a line of backticks may be the fence's end.
    const last = lines.length - 1;
    const isHeld = last > 0 && /^[ `~]*$/.test(lines[last]);
    const text = lines.slice(1, isHeld ? last : undefined).join("\n");
    if (this.#code?.from === this.#from && text.length >= this.#code.length) {
      this.#code.text.append(text.slice(this.#code.length));
      this.#code.length = text.length;
      return true;
    }
    if (lines.length < 2) return false;
    for (const node of this.#open) node.remove();
    const shown = codeBlock(block.info, text);
    this.#root.append(shown.element);
    this.#open = [shown.element];
    this.#code = { from: this.#from, length: text.length, text: shown.text };
    return true;
  }

  #drawPlain() {
    this.#plain ??= new PlainText(this.#root);
    this.#plain.append(this.#source.slice(this.#from));
    this.#from = this.#source.length;
  }
}

function sizeOf(block, lines) {
  if (block.kind === "code") return 0;
  let size = 0;
  for (let at = block.start; at < block.end; at += 1) size += lines[at].length + 1;
  return size;
}
