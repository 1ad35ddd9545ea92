// What went wrong, above the field, with what one can do about it.

import { find, make } from "./dom.js";

const box = find("#notice");
let timer;
let until = 0;

/** Whether a limit says to wait. */
export const isWaiting = () => until > Date.now();

export function hide() {
  clearInterval(timer);
  until = 0;
  box.hidden = true;
}

/**
 * @param action {label, work}: a button; null for none.
 * @param wait seconds to count down; the button can be pressed afterwards.
 */
export function notice(text, { action = null, wait = 0 } = {}) {
  hide();
  // Only the text is read out, once: the count beside it changes every second.
  const left = make("span", { class: "left", "aria-hidden": "true" });
  const button = action && make("button", { type: "button", onclick: () => { hide(); action.work(); } }, action.label);
  const close = make("button", { type: "button", class: "quiet", onclick: hide }, "Dismiss");
  const spoken = wait > 0 ? make("span", { class: "unseen" }, ` Wait ${wait} seconds.`) : null;
  box.replaceChildren(make("p", {}, text, spoken, " ", left), make("div", { class: "buttons" }, button, close));
  box.hidden = false;
  if (wait <= 0) return;
  until = Date.now() + wait * 1000;
  const tick = () => {
    const seconds = Math.ceil((until - Date.now()) / 1000);
    const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
    left.textContent = seconds > 0 ? `Time left: ${clock}` : "You can go on now.";
    if (button) button.disabled = seconds > 0;
    if (seconds <= 0) clearInterval(timer);
  };
  timer = setInterval(tick, 250);
  tick();
}
