// The drawer of a narrow screen, the keyboard, and the dialogue that lists what it does.

import { find } from "./dom.js";

const narrow = matchMedia("(max-width: 52rem)");
export const isNarrow = () => narrow.matches;

export function setDrawer(isOpen) {
  const wasOpen = document.body.classList.contains("drawer");
  document.body.classList.toggle("drawer", isOpen);
  find("#drawer").setAttribute("aria-expanded", isOpen);
  find("#veil").hidden = !isOpen;
  find("#main").inert = isOpen;
  if (isOpen) find("#new").focus();
  else if (wasOpen) find("#drawer").focus();
}

export function begin({ startNew, search, stop, isRunning }) {
  const isOpen = () => document.body.classList.contains("drawer");
  const showHelp = () => find("#help").showModal();
  find("#drawer").onclick = () => setDrawer(!isOpen());
  find("#veil").onclick = () => setDrawer(false);
  narrow.addEventListener("change", () => setDrawer(false));
  find("#help-close").onclick = () => find("#help").close();
  find("#help-open").onclick = () => {
    find("#account").hidePopover();
    showHelp();
  };

  const commands = {
    k() {
      if (isNarrow()) setDrawer(true);
      search();
    },
    O() {
      startNew();
      find("#question").focus();
    },
    "/": showHelp,
  };
  const escape = () => {
    if (isOpen()) setDrawer(false);
    else if (isRunning()) stop();
  };

  addEventListener("keydown", (event) => {
    if (event.defaultPrevented || find("dialog[open]")) return;
    const letter = event.shiftKey ? event.key.toUpperCase() : event.key.toLowerCase();
    if ((event.ctrlKey || event.metaKey) && commands[letter]) {
      event.preventDefault();
      commands[letter]();
    } else if (event.key === "Escape" && !find("[popover]:popover-open")) {
      escape();
    }
  });
}
