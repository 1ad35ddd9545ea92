// The conversation that is open: shows its branch, asks, and follows the answer that is on its way. One answer at a
// time; it goes on when another conversation is opened, and after a reload of the page.

import { account, request, store, stored } from "./api.js";
import { Conversation, exchange, update } from "./conversation.js";
import { announce, fill, find } from "./dom.js";
import * as view from "./exchange.js";
import { follow } from "./stream.js";

const PENDING = "parley-pending";

const scroll = find("#scroll");
let open = new Conversation();
/** The answer that is on its way: {one, conversation, stream, stop, isNew}; null when there is none. */
let running = null;
/** Whether the end is in sight, so that what comes is followed. */
let isAtEnd = true;
/** What the page does about changes: {changed, failed, stored, rest}. */
let on;

export const current = () => open;
export const isRunning = () => running !== null;
/** Ends the answer that is on its way. Without being told, the server would go on with it for a while. */
export function stop() {
  if (!running) return;
  running.stop.abort();
  const { id } = running.stream;
  if (id) request("DELETE", `/chat/stream/${encodeURIComponent(id)}`).catch(() => {});
}

export function begin(handlers) {
  on = handlers;
  const measure = () => {
    isAtEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 60;
    find("#to-end").hidden = isAtEnd;
  };
  scroll.addEventListener("scroll", measure, { passive: true });
  // The field below may grow, a notice come, the answer get longer: the end stays in sight.
  const watcher = new ResizeObserver(() => {
    toEnd();
    measure();
  });
  watcher.observe(scroll);
  watcher.observe(find("#thread"));
  find("#to-end").addEventListener("click", () => toEnd(true));
  find("#earlier").addEventListener("click", showEarlier);
  addEventListener("pagehide", keep);
}

function toEnd(always = false) {
  if (!always && !isAtEnd) return;
  scroll.scrollTo({ top: scroll.scrollHeight, behavior: "instant" });
}

const actions = {
  edit: (one) => view.edit(one, (question) => ask({ question, below: one.below, parent: one.parent })),
  again(one) {
    if (one.state === "saved") {
      ask({ question: one.question, below: one.below, parent: one.parent, regenerate: one.id });
    } else if (!running) {
      open.remove(one);
      ask({ question: one.question, below: one.below, parent: one.parent });
    }
  },
  show(version, from, what, step) {
    open.show(version);
    draw();
    // The button that was pressed is gone; its like is in the version's place, or else the opposite one.
    const like = (name) => find(`[data-step=${what}-${name}]:enabled`, version.element);
    (like(step) ?? like(step === "before" ? "after" : "before"))?.focus();
    const { questions, answers } = open.versions(version);
    const all = what === "question" ? questions : answers;
    announce(`Version ${all.indexOf(version) + 1} of ${all.length}`);
  },
};

export function draw() {
  const branch = open.branch();
  fill(find("#thread"), branch.map((one) => view.draw(one, open.versions(one), actions)));
  find("#empty").hidden = !open.isEmpty || open.id !== null;
  find("#earlier").hidden = !open.isCut;
  on.changed();
  toEnd();
}

/** Opens a conversation; null for a new one. */
export async function show(id) {
  if (id === open.id && id !== null) return;
  open = id && running?.conversation.id === id ? running.conversation : opened(id);
  isAtEnd = true;
  draw();
  if (id) await refresh();
  toEnd(true);
}

function opened(id) {
  const conversation = new Conversation();
  return Object.assign(conversation, { id, isLoaded: id === null });
}

/** Looks for what was changed elsewhere. @throws a Failure; 404 where the conversation is gone. */
export async function refresh() {
  const conversation = open;
  if (!conversation.id) return;
  await conversation.load();
  if (conversation === open) draw();
}

async function showEarlier() {
  const height = scroll.scrollHeight;
  try {
    await open.loadEarlier();
    draw();
    scroll.scrollTop += scroll.scrollHeight - height;
  } catch (failure) {
    on.failed(failure);
  }
}

/** Asks below the branch that is shown, or where a version belongs. @returns false when an answer is on its way. */
export function ask(options) {
  const { question, below = open.last, parent = open.parentFor(below), regenerate } = options;
  if (running) {
    on.failed(new Error("One answer at a time: stop the one that is on its way, or wait for it."));
    return false;
  }
  const kept = { question, below, parent, regenerate, isTyped: !("below" in options) };
  const one = exchange({ question: question.trim(), below, parent, options: kept });
  const body = regenerate ? { regenerate } : { content: question };
  if (!regenerate && open.id) {
    body.conversation_id = open.id;
    // Else it goes below the newest, whichever that is.
    if (open.isLoaded) body.parent = parent;
  }
  announce("The answer is on its way");
  run(open, one, { id: null, text: "", place: 0 }, (signal) =>
    request("POST", "/chat", { body: { ...body, stream: true, resumable: true }, signal }));
  isAtEnd = true;
  toEnd(true);
  return true;
}

/** Goes on with the answer that was on its way when the page was left. @returns the id of its conversation. */
export function resume() {
  const pending = stored(PENDING);
  if (!pending || pending.session !== account.current?.id) return null;
  const { stream, one, isNew } = pending;
  open = opened(pending.conversation);
  run(open, exchange({ ...one, options: one, id: stream.id, answer: stream.text, state: "lost" }), stream, null, isNew);
  return open.id;
}

/** For a reload: what is on its way, and how far it has come. */
function keep() {
  if (!running?.stream.id) return;
  const { one, stream, conversation, isNew } = running;
  store(PENDING, {
    session: account.current?.id, stream, conversation: conversation.id, isNew,
    one: { question: one.question, below: one.below, parent: one.parent },
  });
}

/** @param isNew whether the server has nothing of this conversation yet. */
async function run(conversation, one, stream, post, isNew = !conversation.id) {
  const stop = new AbortController();
  running = { one, conversation, stream, stop, isNew };
  one.isRunning = true;
  conversation.add(one);
  conversation.title ||= one.question.split("\n")[0].slice(0, 60);
  const shown = () => { if (open === conversation) draw(); };
  const state = (name) => {
    if (one.state === name) return;
    one.state = name;
    shown();
  };
  shown();
  const saving = setInterval(keep, 1_000);
  let end;
  try {
    end = await follow(stream, post && (() => post(stop.signal)), {
      start(event) {
        conversation.rename(one, event.id);
        one.parent = event.parent ?? null;
        if (conversation.parentFor(one.below) !== one.parent) one.below = one.parent;
        conversation.id ??= event.conversation_id;
        keep();
        on.stored(one);
      },
      text() {
        one.answer = stream.text;
        state("streaming");
        view.grow(one, () => { if (open === conversation) toEnd(); });
      },
      lost: () => state("lost"),
      back: () => state(one.answer ? "streaming" : "waiting"),
    }, stop.signal);
    if (end.done) update(one, end.done);
    else if (end.cut) one.state = "cut";
    else Object.assign(one, { state: "failed", error: end.error.message });
  } catch (failure) {
    if (stop.signal.aborted) one.state = "stopped";
    else Object.assign(one, { state: "failed", error: failure.message, failure });
  }
  clearInterval(saving);
  store(PENDING, null);
  running = null;
  one.isRunning = false;
  if (end?.done) {
    announce("The answer is complete");
    conversation.id ??= end.done.conversation_id;
  } else {
    // What the server has not kept is no conversation yet.
    if (isNew) conversation.id = null;
    one.isKept = stream.id !== null;
    if (one.failure && !one.isKept) conversation.remove(one);
    if (conversation.isEmpty) conversation.title = "";
    announce(one.state === "stopped" ? "Stopped" : "The answer is not whole");
  }
  view.settle(one);
  shown();
  on.rest(one, conversation);
}
