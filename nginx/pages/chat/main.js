// The chat page: puts its parts together, and knows what to do when something fails.

import { account, json } from "./api.js";
import * as composer from "./composer.js";
import { logIn, loginMode } from "./dialogs.js";
import { announce, find } from "./dom.js";
import * as keys from "./keys.js";
import * as list from "./list.js";
import * as menu from "./menu.js";
import { hide, isWaiting, notice } from "./notice.js";
import * as oidc from "./oidc.js";
import * as thread from "./thread.js";

/** The other tabs of this browser. */
const others = new BroadcastChannel("parley");
let lastLook = 0;

// What happens to a conversation.

thread.begin({
  changed() {
    const { id, title } = thread.current();
    const name = list.entry(id)?.title ?? (title || "New conversation");
    find("#head h1").textContent = name;
    document.title = `${name} · Parley`;
    find("#actions").hidden = !id;
    composer.show(thread.isRunning());
  },
  stored() {
    const { id } = thread.current();
    if (id && location.hash !== `#${id}`) history.replaceState(null, "", `#${id}`);
  },
  rest(one, conversation) {
    composer.show(false);
    if (!thread.current().id && location.hash) history.replaceState(null, "", location.pathname);
    if (one.failure) return failedToAsk(one, conversation);
    others.postMessage({ changed: true });
    return look(true, false);
  },
  failed: explain,
});

list.begin({ failed: explain, menu: menu.open });

menu.begin({ failed: explain, changed: () => others.postMessage({ changed: true }), startNew });

keys.begin({ startNew, search: list.focusSearch, stop: thread.stop, isRunning: thread.isRunning });

composer.begin({
  stop: thread.stop,
  send(text) {
    if (isWaiting()) return announce("There is time left to wait");
    hide();
    if (thread.ask({ question: text })) composer.set("");
    return undefined;
  },
});

oidc.begin({ askOthers, renewed: () => others.postMessage({ session: account.current }) });

function explain(failure) {
  if (failure.status === 401) sessionOver("Your session has ended.");
  else if (failure.status === 0) {
    notice(navigator.onLine ? failure.message : "You are offline.", {
      action: { label: "Try again", work: () => look(true) },
    });
  } else notice(failure.message, { wait: failure.wait ?? 0 });
}

function failedToAsk(one, conversation) {
  const { failure, options } = one;
  const reason = failure.message.replace(/[^.!?]$/, "$&.");
  // Sent again it has the same place; what was typed goes back to where it was typed.
  let again = { label: "Try again", work: () => thread.ask(options) };
  const isOver = [401, 404].includes(failure.status);
  if (!options.regenerate && (options.isTyped || isOver) && !composer.text() && !one.isKept) {
    composer.set(one.question);
    again = { label: "Send again", work: () => find("#composer").requestSubmit() };
  }
  if (conversation !== thread.current()) again = null;
  if (failure.status === 401) sessionOver("Your session has ended. What you typed is kept.");
  else if (failure.status === 404) gone();
  else if (failure.isSpent) {
    notice(`${reason} You can still read and export your conversations; a new session has a new count.`);
  } else if (failure.status === 429) {
    notice("Too many questions in a short time.", { action: again, wait: failure.wait });
  } else if (failure.status === 0) {
    const what = navigator.onLine ? reason : "You are offline.";
    notice(`${what} Your question is kept.`, { action: again });
  } else if (failure.passes) notice(`No answer at the moment. ${reason}`, { action: again, wait: failure.wait ?? 0 });
  else notice(reason);
}

// What was changed elsewhere.

/** Looks at the server again; not at every turn of a head, unless it must. */
async function look(must = false, atThread = true) {
  if (!account.current || (!must && Date.now() - lastLook < 2_000)) return;
  lastLook = Date.now();
  try {
    await Promise.all([list.refresh(), showSession(), atThread && !thread.isRunning() ? thread.refresh() : null]);
    list.mark(thread.current().id);
  } catch (failure) {
    if (failure.status === 404) gone();
    // What cannot be looked up now will be the next time.
    else if (failure.status === 401 || must) explain(failure);
  }
}

function gone() {
  startNew();
  notice("That conversation is not there any more: it was deleted in another window, or belonged to a session that has "
    + "ended.");
  list.refresh().catch(explain);
}

others.onmessage = ({ data }) => {
  if (data.who && account.current) others.postMessage({ session: account.current });
  else if (data.session && (!account.current || isNewer(data.session, account.current))) {
    account.set(data.session);
    find("#login").close();
  } else if (data.changed && !document.hidden) {
    look(true);
  } else if (data.over && data.over === account.current?.id) {
    startNew();
    composer.set("");
    sessionOver("You have logged out in another window.");
  }
};
/** Whether it is the same login with newer tokens. */
const isNewer = (one, other) => one.id === other.id && one.serial > other.serial;
addEventListener("focus", () => look());
document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
addEventListener("online", () => { hide(); look(true); });
addEventListener("offline", () => notice("You are offline. An answer on its way goes on when you are back."));

// The session.

async function showSession(known) {
  const { user_id: user, message_limit: limit, messages_left: left, proved } = known ?? await json("GET", "/auth/session");
  // What the one before had not sent is on the page still.
  if (composer.belongTo(user)) startNew();
  find("#log-out-all").hidden = !proved;
  find("#me strong").textContent = account.current?.email ?? "";
  find("#me small").textContent = limit === null ? "" : `${left} of ${limit} messages left`;
}

async function sessionOver(why) {
  if (find("#login").open) return;
  thread.stop();
  list.clear();
  await enter(why);
}

/** Logs in if need be, and opens what the address says. */
async function enter(why) {
  const wasOpen = thread.current().id;
  // A conversation that has just begun is not there before its first answer is.
  const isBeginning = thread.isRunning();
  try {
    const { session, problem } = why ? {} : await comeBack();
    if (!account.current) await askOthers();
    await showSession(session ?? (account.current && !why ? null : await logIn(why, problem)));
    composer.focus();
    const wanted = addressed();
    const opening = wanted && wanted !== wasOpen ? thread.show(wanted) : thread.refresh();
    await Promise.all([list.refresh(), opening]);
    list.mark(thread.current().id);
  } catch (failure) {
    if (failure.status !== 404) explain(failure);
    else if (!isBeginning) gone();
  }
}

/** From the identity provider, if the browser was there. @returns {session}, or {problem}: why there is none. */
async function comeBack() {
  if (!account.current) loginMode().catch(() => {});
  try {
    return { session: await oidc.finish() };
  } catch (failure) {
    return { problem: failure.message };
  }
}

/** Another tab that is logged in hands its session on, past every disk and address. */
function askOthers() {
  const before = account.current;
  others.postMessage({ who: true });
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      if (account.current === before && (waited += 20) < 200) return;
      clearInterval(timer);
      resolve();
    }, 20);
    let waited = 0;
  });
}

find("#log-out").onclick = () => logOut("POST", "/auth/logout", "You have logged out.");
find("#log-out-all").onclick = () => logOut("DELETE", "/auth/sessions", "You have logged out everywhere.");

async function logOut(method, path, why) {
  find("#account").hidePopover();
  const session = account.current;
  try {
    await json(method, path);
  } catch (failure) {
    if (failure.status !== 401) return explain(failure);
  }
  others.postMessage({ over: session.id });
  startNew();
  composer.set("");
  if (!session.client) return sessionOver(why);
  const { client, refresh } = account.current ?? session;
  account.set(null);
  list.clear();
  const isLeaving = await oidc.logOut({ client, refresh }).catch(() => false);
  return isLeaving || sessionOver(`${why} You may still be logged in with the identity provider.`);
}

// Which conversation is open.

/** The conversation that the address names. */
function addressed() {
  return /^#(conv_\w+)$/.exec(location.hash)?.[1] ?? null;
}

function startNew() {
  if (location.hash) history.pushState(null, "", location.pathname);
  hide();
  openFromAddress();
}

async function openFromAddress() {
  const id = addressed();
  keys.setDrawer(false);
  try {
    const opening = thread.show(id);
    list.mark(id);
    if (!keys.isNarrow()) composer.focus();
    await opening;
  } catch (failure) {
    if (failure.status === 404 || failure.status === 422) gone();
    else explain(failure);
  }
}

addEventListener("hashchange", openFromAddress);
find(".skip").onclick = (event) => {
  event.preventDefault();
  composer.focus();
};
find("#new").onclick = (event) => {
  // In a further tab it is a link like any other.
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  startNew();
  composer.focus();
};

const pending = thread.resume();
if (pending) history.replaceState(null, "", `#${pending}`);
thread.draw();
enter();
