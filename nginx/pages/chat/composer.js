// The field for the question. What is typed is kept for a reload, and comes back when it could not be sent. It is its
// user's: who logs in again finds it, and nobody else does.

import { store, stored } from "./api.js";
import { announce, find } from "./dom.js";

const LIMIT = 10_000;
const DRAFT = "parley-draft";
const field = find("#question");
const button = find("#send");
const count = find("#count");
const hasKeyboard = matchMedia("(hover: hover)");
let isRunning = false;
/** Whose the text is; null until somebody has logged in. */
let user = null;

export const text = () => field.value;
export const focus = () => field.focus();

export function begin({ send, stop }) {
  const draft = stored(DRAFT);
  field.value = draft?.text ?? "";
  user = draft?.user ?? null;
  field.addEventListener("input", changed);
  field.addEventListener("keydown", (event) => {
    // An input method uses Enter for itself; on a phone it is the only way to a new line.
    if (event.key !== "Enter" || event.shiftKey || !hasKeyboard.matches) return;
    if (event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    if (!isRunning && !button.disabled) find("#composer").requestSubmit();
  });
  find("#composer").addEventListener("submit", (event) => {
    event.preventDefault();
    if (isRunning) stop();
    else if (!button.disabled) send(field.value);
  });
  changed();
}

export function set(value) {
  field.value = value;
  changed();
}

/** Who is logged in now. @returns whether that is another user than before, who then finds no text. */
export function belongTo(id) {
  const isAnother = user !== null && user !== id;
  user = id;
  if (isAnother) field.value = "";
  changed();
  return isAnother;
}

/** The button stops an answer that is on its way, and else sends. */
export function show(running) {
  if (running !== isRunning) {
    isRunning = running;
    button.setAttribute("aria-label", running ? "Stop" : "Send");
    find("use", button).setAttribute("href", running ? "#i-stop" : "#i-send");
  }
  changed();
}

function changed() {
  const { value } = field;
  store(DRAFT, value ? { text: value, user } : null);
  // Grows with the text, up to what the style sheet allows.
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight + 2}px`;
  // What the server counts are code points.
  const length = value.length < LIMIT * 0.9 ? 0 : [...value.trim()].length;
  const wasTooLong = count.classList.contains("error");
  const isTooLong = length > LIMIT;
  count.textContent = length === 0 ? "" : `${length.toLocaleString()} of ${LIMIT.toLocaleString()} characters`;
  count.classList.toggle("error", isTooLong);
  if (isTooLong && !wasTooLong) announce("The question is too long");
  field.setAttribute("aria-invalid", isTooLong);
  button.disabled = !isRunning && (value.trim() === "" || isTooLong);
}
