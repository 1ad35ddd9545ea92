// Elements are made here and nowhere from markup: whatever a text holds, it stays text.

export const find = (selector, root = document) => root.querySelector(selector);

/** An element. Properties that begin with "on" are listeners, the others attributes; null and false leave one out. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Gives an element these children; where they are there already nothing is touched, and no focus is lost. */
export function fill(element, children) {
  const old = element.childNodes;
  const isSame = old.length === children.length && children.every((child, at) => child === old[at]);
  if (!isSame) element.replaceChildren(...children);
}

/** One of the drawings in index.html. */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  const use = document.createElementNS(space, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

/** A button that is a drawing; its label is for those who listen, and the tip for those who point. */
export function iconButton(name, label, onclick, properties = {}) {
  const own = { type: "button", class: "quiet icon", "aria-label": label, title: label, onclick };
  return make("button", { ...own, ...properties }, icon(name));
}

/** Copies a text and says so on the button. */
export async function copy(text, button) {
  let said = "Copied";
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    said = "Not allowed to copy";
  }
  announce(said);
  const label = button.querySelector("span");
  button.classList.add("did");
  if (label) label.textContent = said;
  setTimeout(() => {
    button.classList.remove("did");
    if (label) label.textContent = "Copy";
  }, 1500);
}

/** Tells those who listen, without moving the focus. */
export function announce(text) {
  const region = find("#announcer");
  region.textContent = "";
  // A region that gets the same words again stays silent unless it was empty in between.
  requestAnimationFrame(() => { region.textContent = text; });
}

/** The caller's next frame, or a moment later where nothing is drawn, as in a hidden tab. */
export const frame = () => new Promise((resolve) => {
  if (document.hidden) setTimeout(resolve, 200);
  else requestAnimationFrame(resolve);
});

export function save(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  make("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
