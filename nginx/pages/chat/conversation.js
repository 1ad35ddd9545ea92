// What is known of one conversation: exchanges (a question and its answer), each below another or at the beginning.
// Several below the same one are versions; one branch from the beginning to a last exchange is shown.

import { conversation as path, json } from "./api.js";

let locals = 0;

/**
 * One exchange. `id` is the server's, or a name of our own until it has one; `parent` is what the server knows, `below`
 * what it is shown under: an exchange that was stopped is not kept by the server, and yet one can ask on below it.
 */
export function exchange(fields) {
  locals += 1;
  return { id: `local-${locals}`, parent: null, below: null, question: "", answer: "", state: "waiting", ...fields };
}

/** Takes over what the server says of it, in either of its spellings. */
export function update(target, message) {
  target.id = message.id;
  target.answer = message.response ?? message.content ?? "";
  target.question = message.message ?? target.question;
  target.parent = message.parent ?? null;
  for (const name of ["model", "cached", "stale", "blocked", "finish_reason"]) target[name] = message[name];
  target.state = "saved";
}

export class Conversation {
  id = null;
  title = "";
  hasMore = false;
  /** Whether the newest messages are here: until then nobody knows what there is to ask below. */
  isLoaded = true;
  /** The last exchange of the branch that is shown. */
  last = null;
  #exchanges = new Map();

  get(id) { return this.#exchanges.get(id); }
  get isEmpty() { return this.#exchanges.size === 0; }

  add(one) {
    this.#exchanges.set(one.id, one);
    this.last = one.id;
  }

  remove(one) {
    this.#exchanges.delete(one.id);
    if (this.last === one.id) this.last = one.below ?? [...this.#exchanges.keys()].pop() ?? null;
  }

  /** Gives an exchange the id that the server has for it; it is the newest then. */
  rename(one, id) {
    this.#exchanges.delete(one.id);
    for (const other of this.#exchanges.values()) if (other.below === one.id) other.below = id;
    if (this.last === one.id) this.last = id;
    one.id = id;
    this.#exchanges.set(id, one);
  }

  /** From the beginning to the last. */
  branch(last = this.last) {
    const branch = [];
    for (let one = this.get(last); one; one = this.get(one.below)) branch.unshift(one);
    return branch;
  }

  /** Whether the branch begins above what has been loaded. */
  get isCut() {
    const first = this.branch()[0];
    return this.hasMore && (!first || first.below !== null);
  }

  /** The exchange to ask below, as the server knows it. */
  parentFor(below) {
    for (let one = this.get(below); one; one = this.get(one.below)) if (one.state === "saved") return one.id;
    return null;
  }

  /** The other questions in the place of this one, and the other answers to this very question; itself among them. */
  versions(one) {
    const all = [...this.#exchanges.values()].filter((other) => other.below === one.below);
    const newest = new Map(all.map((other) => [other.question, other]));
    newest.set(one.question, one);
    return { questions: [...newest.values()], answers: all.filter((other) => other.question === one.question) };
  }

  /** Shows the branch through that exchange which ends with its newest. */
  show(one) {
    const all = [...this.#exchanges.values()];
    const ends = all.filter((other) => !all.some((next) => next.below === other.id));
    this.last = ends.filter((end) => this.branch(end.id).includes(one)).pop().id;
  }

  /** Takes a page of the server's messages, oldest first. Those of ours that it does not know stay. */
  #take(messages) {
    const known = this.#exchanges;
    const taken = messages.map((message) => {
      const one = known.get(message.id) ?? exchange({});
      // An answer that is on its way is more than the server can say of it.
      if (!one.isRunning) {
        if (one.answer !== (message.response ?? "") || one.state !== "saved") one.element = null;
        update(one, message);
      }
      // It may be shown below one that the server has not kept.
      if (!this.get(one.below) || this.parentFor(one.below) !== one.parent) one.below = one.parent;
      return one;
    });
    return new Map(taken.map((one) => [one.id, one]));
  }

  /** Fetches the newest messages. Earlier ones stay when they are known to be followed by these, and so do our own. */
  async load() {
    const reply = await json("GET", `${path(this.id)}?all=true&limit=100`);
    const known = [...this.#exchanges.values()];
    const saved = known.filter((one) => one.state === "saved");
    const newest = saved[saved.length - 1]?.id;
    const earlier = saved.slice(0, Math.max(0, saved.findIndex((one) => one.id === reply.messages[0]?.id)));
    this.#exchanges = new Map([...earlier.map((one) => [one.id, one]), ...this.#take(reply.messages)]);
    for (const one of known) {
      const isOurs = one.state !== "saved" && (one.below === null || this.get(one.below));
      if (isOurs && !this.get(one.id)) this.#exchanges.set(one.id, one);
    }
    Object.assign(this, { title: reply.title, isLoaded: true });
    if (earlier.length === 0) this.hasMore = reply.has_more;
    const last = reply.messages[reply.messages.length - 1]?.id ?? null;
    // Who looks at an older branch goes on doing so; who looks at the newest sees what was added elsewhere.
    if (!this.get(this.last) || (this.last === newest && last !== newest)) this.last = last;
  }

  /** Fetches messages before those that are here, until the branch has one more or there are none. */
  async loadEarlier() {
    const length = this.branch().length;
    do {
      const first = [...this.#exchanges.values()].find((one) => one.state === "saved");
      const reply = await json("GET", `${path(this.id)}?all=true&limit=100&before=${first.id}`);
      this.#exchanges = new Map([...this.#take(reply.messages), ...this.#exchanges]);
      this.hasMore = reply.has_more && reply.messages.length > 0;
    } while (this.isCut && this.branch().length === length);
  }
}
