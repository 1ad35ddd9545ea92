// One answer, read to its end over as many connections as that takes. A stream that was asked for with "resumable" goes
// on at the server for a while when its connection is lost; GET /chat/stream/{id} then continues after the byte that
// Last-Event-ID names. An answer is whole when `done` has come, and never otherwise.

import { Failure, request } from "./api.js";

/** The server sends a comment every 15 s when it has nothing else to send: after this long it is gone. */
const SILENCE = 40_000;
/** How long one keeps trying to get a connection back without getting any further. */
const PATIENCE = 300_000;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/**
 * @param state {id, text, place}: what has come so far; changed as more comes. Place counts bytes.
 * @param open gives the first reply; null to resume.
 * @param on {start, text, lost, back}: what to do when that happens.
 * @returns {done: object}, {error: object} where the server gave up, or {cut: true} where the rest cannot be had.
 * @throws a Failure for what came in place of a stream, an AbortError when the signal says stop.
 */
export async function follow(state, open, on, signal) {
  let tries = 0;
  let since = Date.now();
  for (let next = open; ; next = null) {
    const before = state.place;
    try {
      const reply = next ? await next() : await resume(state, signal);
      if (!next) on.back();
      const end = await read(reply, state, on, signal);
      if (end) return end;
    } catch (error) {
      signal.throwIfAborted();
      if (next || !(error instanceof Failure)) throw error;
      if (error.status === 404 || error.status === 422) return { cut: true };
      if (!error.passes) throw error;
      await pause(Math.max(error.wait ?? 0, 0) * 1000, signal);
    }
    signal.throwIfAborted();
    if (!state.id) throw new Failure(0, { message: "The connection was lost before the answer began." });
    if (state.place > before) [tries, since] = [0, Date.now()];
    if (Date.now() - since > PATIENCE) return { cut: true };
    on.lost();
    await pause(Math.min(8_000, 150 * 2 ** tries) * (0.75 + Math.random() / 2), signal);
    tries += 1;
  }
}

const resume = (state, signal) => request("GET", `/chat/stream/${encodeURIComponent(state.id)}`, {
  // Without a place the stream begins with the start event.
  headers: { Accept: "text/event-stream", ...(state.place > 0 && { "Last-Event-ID": String(state.place) }) },
  signal,
});

/** Ends early when the network comes back. */
function pause(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const finish = (error) => {
      clearTimeout(timer);
      removeEventListener("online", finish);
      signal.removeEventListener("abort", finish);
      if (signal.aborted) reject(signal.reason);
      else resolve();
    };
    const timer = setTimeout(finish, milliseconds);
    addEventListener("online", finish);
    signal.addEventListener("abort", finish);
    if (signal.aborted) finish();
  });
}

/** @returns the end of the answer; nothing when the connection ended first. */
async function read(reply, state, on, signal) {
  for await (const event of events(reply, signal)) {
    let data;
    try { data = JSON.parse(event.data); } catch { return undefined; }
    switch (event.name) {
    case "start":
      Object.assign(state, { id: data.id, conversation: data.conversation_id, parent: data.parent });
      on.start(data);
      break;
    case "delta":
      if (!add(state, data.text, Number(event.id))) return undefined;
      on.text();
      break;
    case "done": return { done: data };
    case "error": return { error: data };
    }
  }
  return undefined;
}

/** Takes what is new of a piece that ends at that byte. @returns false when something before it is missing. */
function add(state, text, end) {
  const bytes = encoder.encode(text);
  const begin = Number.isInteger(end) ? end - bytes.length : state.place;
  if (begin > state.place) return false;
  if (begin + bytes.length <= state.place) return true;
  state.text += begin === state.place ? text : decoder.decode(bytes.subarray(state.place - begin));
  state.place = begin + bytes.length;
  return true;
}

/** Server-sent events (WHATWG HTML 9.2), until the connection ends in whatever way. */
async function* events(reply, signal) {
  const reader = reply.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let timer;
  try {
    for (;;) {
      const silence = new Promise((resolve) => { timer = setTimeout(resolve, SILENCE, { done: true }); });
      const { done, value } = await Promise.race([reader.read(), silence]);
      clearTimeout(timer);
      if (done) return;
      const blocks = (rest + value).split(/\r?\n\r?\n/);
      rest = blocks.pop();
      for (const block of blocks) {
        const event = { name: "message", id: "", data: "" };
        for (const line of block.split(/\r?\n/)) {
          const [, field, text] = /^(event|id|data): ?(.*)$/.exec(line) ?? [];
          if (field === "event") event.name = text;
          else if (field === "id") event.id = text;
          else if (field === "data") event.data += text;
        }
        if (event.data) yield event;
      }
    }
  } catch (error) {
    signal.throwIfAborted();
  } finally {
    clearTimeout(timer);
    reader.cancel().catch(() => {});
  }
}
