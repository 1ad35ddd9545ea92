// The side list: the conversations, newest first, in pages; a search over their titles fetches further pages itself.

import { json } from "./api.js";
import { fill as put, find, iconButton, make } from "./dom.js";

const list = find("#list ul");
const note = find("#list-note");
const search = find("#search");
const more = find("#list-more");
const days = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const times = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

const items = new Map();
let all = [];
let next = null;
let openID = null;
let isLoading = false;
let on;

export const entry = (id) => all.find((one) => one.id === id);

export function begin(handlers) {
  on = handlers;
  search.addEventListener("input", () => { draw(); fill(); });
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !search.value) return;
    event.stopPropagation();
    event.preventDefault();
    search.value = "";
    draw();
  });
  more.addEventListener("click", async () => {
    const count = list.childElementCount;
    await page();
    list.children[count]?.querySelector("a")?.focus();
  });
}

export function focusSearch() {
  search.focus();
  search.select();
}

export function clear() {
  [all, next] = [[], null];
  draw();
}

/** Fetches the newest again, and forgets what lies below them until it is asked for. */
export async function refresh() {
  const reply = await json("GET", `/chat/conversations?limit=${Math.min(100, Math.max(50, all.length))}`);
  all = reply.conversations;
  next = reply.has_more ? reply.next : null;
  draw();
  await fill();
}

/** @returns whether there was one. */
async function page() {
  if (!next || isLoading) return false;
  isLoading = true;
  try {
    const reply = await json("GET", `/chat/conversations?limit=100&before=${encodeURIComponent(next)}`);
    const known = new Set(all.map((one) => one.id));
    all.push(...reply.conversations.filter((one) => !known.has(one.id)));
    next = reply.has_more && reply.conversations.length > 0 ? reply.next : null;
  } catch (failure) {
    on.failed(failure);
    return false;
  } finally {
    isLoading = false;
  }
  draw();
  return true;
}

const wanted = () => search.value.trim().toLocaleLowerCase();
const found = () => all.filter((one) => one.title.toLocaleLowerCase().includes(wanted()));

/** A search that finds little looks further. */
async function fill() {
  while (wanted() && found().length < 30 && await page());
}

export function mark(id) {
  openID = id;
  draw();
}

export function rename(id, title) {
  const one = entry(id);
  if (one) one.title = title;
  draw();
}

export function remove(id) {
  all = all.filter((one) => one.id !== id);
  draw();
}

function draw() {
  const focused = document.activeElement?.closest?.("#list li")?.dataset.id;
  const isOnButton = document.activeElement?.matches?.("#list button");
  const shown = found();
  put(list, shown.map(item));
  const again = focused && items.get(focused).querySelector(isOnButton ? "button" : "a");
  if (again?.isConnected) again.focus({ preventScroll: true });
  more.hidden = !next || Boolean(wanted());
  if (!wanted()) note.textContent = all.length > 0 ? "" : "Your conversations will be here.";
  else if (shown.length > 0) note.textContent = `${shown.length} found${next ? " so far" : ""}`;
  else note.textContent = next ? "Searching…" : "No title has these words.";
}

/** The element of a conversation, made once. */
function item(one) {
  const known = items.get(one.id);
  const element = known ?? make("li", { "data-id": one.id },
    make("a", { href: `#${one.id}` }, make("span", { dir: "auto" }), make("small")),
    iconButton("more", "", (event) => on.menu(one.id, event.currentTarget)));
  items.set(one.id, element);
  const [link, button] = element.children;
  link.title = one.title;
  if (one.id === openID) link.setAttribute("aria-current", "page");
  else link.removeAttribute("aria-current");
  link.firstChild.textContent = one.title;
  link.lastChild.textContent = when(one.last_activity);
  button.setAttribute("aria-label", `What to do with “${one.title}”`);
  button.title = "";
  return element;
}

function when(timestamp) {
  const date = new Date(timestamp);
  if (Number.isNaN(date.getTime())) return "";
  return (date.toDateString() === new Date().toDateString() ? times : days).format(date);
}
