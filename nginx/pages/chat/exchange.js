// How one exchange looks: the question, the answer as it grows, and what can be done with either.

import { copy, frame, icon, iconButton, make } from "./dom.js";
import { Markdown } from "./markdown.js";

const NOTES = {
  waiting: "Thinking…",
  streaming: "",
  lost: "The connection was lost. Reconnecting…",
  stopped: "Stopped.",
  cut: "The connection was lost and the rest cannot be had: this answer is not whole.",
};

/** The exchange's element, made once and then brought up to date. */
export function draw(one, versions, actions) {
  if (!one.element) build(one);
  const { parts } = one;
  const isSaved = one.state === "saved";
  one.element.dataset.id = one.id;
  one.element.classList.toggle("running", Boolean(one.isRunning));
  one.element.classList.toggle("blocked", Boolean(one.blocked));

  let note = one.error ?? NOTES[one.state] ?? "";
  if (one.blocked) note = "This message was held back for safety and reached no model. Say it in other words.";
  else if (isSaved && one.finish_reason === "length") note = "The answer was cut: it has reached its longest length.";
  else if (isSaved && one.stale) note = "An older answer to the same question: no provider answers at the moment.";
  parts.note.textContent = note;
  parts.note.hidden = note === "";
  parts.note.className = `note ${["cut", "failed"].includes(one.state) ? "error" : one.state}`;

  const { questions, answers } = versions;
  const signs = [one.state, one.isRunning, one.blocked, ...[...questions, ...answers].map((other) => other.id)].join();
  if (parts.signs === signs) return one.element;
  parts.signs = signs;
  parts.ask.replaceChildren(...(one.isRunning ? [] : [
    iconButton("edit", "Edit this question", () => actions.edit(one)),
    ...switcher("question", one, questions, actions)]));
  const again = isSaved ? "Answer anew" : "Ask again";
  const known = [one.model, one.cached && "from the cache"].filter(Boolean).join(", ");
  const copyButton = iconButton("copy", "Copy this answer", () => copy(one.answer, copyButton));
  parts.reply.replaceChildren(...(one.isRunning ? [] : [
    ...(one.answer && !one.blocked ? [copyButton] : []),
    ...(one.blocked ? [] : [isSaved
      ? iconButton("again", again, () => actions.again(one))
      : make("button", { type: "button", onclick: () => actions.again(one) }, icon("again"), again)]),
    ...switcher("answer", one, answers, actions),
    make("small", {}, known)]));
  return one.element;
}

function build(one) {
  const parts = one.parts = {
    bubble: make("div", { class: "bubble", dir: "auto" }, one.question),
    ask: make("div", { class: "tools" }),
    text: make("div", { class: "text" }),
    note: make("p"),
    reply: make("div", { class: "tools" }),
  };
  one.element = make("article", { class: "exchange" },
    make("section", { class: "asked" }, make("h2", { class: "unseen" }, "You asked"), parts.bubble, parts.ask),
    make("section", { class: "replied" }, make("h2", { class: "unseen" }, "Parley answered"),
      parts.text, parts.note, parts.reply));
  one.markdown = new Markdown(parts.text);
  one.markdown.append(one.answer);
  one.markdown.draw(!one.isRunning);
}

/** Shows what has come of the answer, once for all that comes before the next frame, and never for most of the time. */
export async function grow(one, onGrown) {
  if (one.isGrowing) return;
  one.isGrowing = true;
  await frame();
  const began = performance.now();
  if (one.element && one.isRunning) {
    one.markdown.append(one.answer.slice(one.markdown.source.length));
    one.markdown.draw();
    onGrown();
  }
  await new Promise((resolve) => { setTimeout(resolve, Math.min(2_000, 4 * (performance.now() - began))); });
  one.isGrowing = false;
  if (one.isRunning && one.element && one.markdown.source.length < one.answer.length) grow(one, onGrown);
}

/** Shows the whole answer, which is no longer running. */
export function settle(one) {
  if (!one.element) return;
  if (one.answer.startsWith(one.markdown.source)) {
    one.markdown.append(one.answer.slice(one.markdown.source.length));
  } else {
    one.parts.text.replaceChildren();
    one.markdown = new Markdown(one.parts.text);
    one.markdown.append(one.answer);
  }
  one.markdown.finish();
}

function switcher(what, one, versions, actions) {
  if (versions.length < 2) return [];
  const at = versions.indexOf(one);
  const step = (by, name, label) => iconButton(name, label, () => actions.show(versions[at + by], one, what, name),
    { disabled: !versions[at + by], "data-step": `${what}-${name}` });
  return [make("span", { class: "versions", role: "group", "aria-label": `Versions of this ${what}` },
    step(-1, "before", `Previous version of this ${what}`),
    make("span", {}, `${at + 1}/${versions.length}`),
    step(1, "after", `Next version of this ${what}`))];
}

/** The question as a field, until it is asked anew or left alone. */
export function edit(one, submit) {
  const { bubble, ask } = one.parts;
  const field = make("textarea", { class: "editor", dir: "auto", "aria-label": "Edit your question", rows: 2 });
  field.value = one.question;
  const close = () => {
    form.replaceWith(bubble);
    ask.hidden = false;
    ask.querySelector("button")?.focus();
  };
  const form = make("form", {
    onsubmit(event) {
      event.preventDefault();
      if (field.value.trim() && submit(field.value)) form.replaceWith(bubble), ask.hidden = false;
    },
    onkeydown(event) {
      if (event.key === "Escape") {
        event.stopPropagation();
        close();
      } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.keyCode !== 229) {
        event.preventDefault();
        form.requestSubmit();
      }
    },
  }, field, make("div", { class: "buttons" },
    make("button", { type: "button", onclick: close }, "Cancel"), make("button", { class: "primary" }, "Ask")));
  bubble.replaceWith(form);
  ask.hidden = true;
  field.focus();
}
