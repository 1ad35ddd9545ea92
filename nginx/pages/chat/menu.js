// What can be done with a conversation, and with all of them.

import { conversation as path, json } from "./api.js";
import { dialogue } from "./dialogs.js";
import { announce, find } from "./dom.js";
import { exportConversation } from "./export.js";
import * as list from "./list.js";
import * as thread from "./thread.js";

const menu = find("#menu");
/** The conversation that the menu is open for. */
let id = null;
let on;

export function begin(handlers) {
  on = handlers;
  find("#actions").onclick = (event) => open(thread.current().id, event.currentTarget);
  menu.onclick = (event) => {
    const action = event.target.closest("[data-do]")?.dataset.do;
    if (!action) return;
    menu.hidePopover();
    if (action === "rename") rename();
    else if (action === "delete") remove();
    else exportConversation(id, action, isShown() ? thread.current().last : null).catch(on.failed);
  };
  find("#delete-all").onclick = removeAll;
}

const isShown = () => thread.current().id === id;
const title = () => list.entry(id)?.title ?? thread.current().title;

export function open(conversation, button) {
  id = conversation;
  menu.showPopover({ source: button });
  const { bottom, top, right } = button.getBoundingClientRect();
  const isLow = bottom + menu.offsetHeight > innerHeight;
  menu.style.top = `${isLow ? top - menu.offsetHeight : bottom}px`;
  menu.style.left = `${Math.max(8, Math.min(right, innerWidth - 8) - menu.offsetWidth)}px`;
  find("button", menu).focus();
}
function rename() {
  dialogue({
    title: "Rename this conversation",
    text: "Left empty, it is called by its first question.",
    yes: "Rename",
    value: title(),
    async work(name) {
      const renamed = await json("PATCH", path(id), { body: { title: name.trim() || null } });
      list.rename(id, renamed.title);
      if (isShown()) thread.current().title = renamed.title;
      finished("Renamed");
    },
  });
}

function remove() {
  dialogue({
    title: "Delete this conversation?",
    text: `“${title()}” will be gone for good, with all its versions.`,
    yes: "Delete",
    isDangerous: true,
    async work() {
      if (isShown()) thread.stop();
      await json("DELETE", path(id));
      list.remove(id);
      if (isShown()) on.startNew();
      finished("Deleted");
    },
  });
}

function removeAll() {
  find("#account").hidePopover();
  dialogue({
    title: "Delete all conversations?",
    text: "All questions and answers of this session will be gone for good.",
    yes: "Delete all",
    isDangerous: true,
    async work() {
      thread.stop();
      const { deleted } = await json("DELETE", "/chat/history");
      list.clear();
      on.startNew();
      finished(`${deleted} messages deleted`);
    },
  });
}

function finished(what) {
  announce(what);
  thread.draw();
  on.changed();
}
