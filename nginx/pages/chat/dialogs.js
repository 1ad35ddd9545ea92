// Dialogues: a question with a yes and a no, a name to give, and logging in.

import { account, json } from "./api.js";
import { find } from "./dom.js";
import * as oidc from "./oidc.js";

const ask = find("#ask");

/**
 * Asks, and does the work while the dialogue is open, so that what goes wrong is said there.
 * @param value what the field holds at first; undefined for no field.
 */
export function dialogue({ title, text, yes, isDangerous = false, value, work }) {
  const field = find("#ask-field");
  const button = find("#ask-yes");
  find("#ask-title").textContent = title;
  find("#ask-text").textContent = text;
  find("#ask-error").textContent = "";
  button.textContent = yes;
  button.className = isDangerous ? "danger" : "primary";
  field.hidden = value === undefined;
  field.value = value ?? "";
  find("form", ask).onsubmit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await work(field.value);
      ask.close();
      // What was pressed may be gone by now.
      if (document.activeElement === document.body) find("#question").focus();
    } catch (failure) {
      find("#ask-error").textContent = failure.message;
    }
    button.disabled = false;
  };
  // The field gets the focus, and where there is none the button that does nothing.
  ask.showModal();
  field.select();
}
find("#ask-no").onclick = () => ask.close();

let known = null;
/** How people log in here: {mode, provider}. */
export async function loginMode() {
  known ??= await json("GET", "/auth/login");
  return known;
}

/**
 * Asks for an address, and for a code if one is sent there, or for a visit to the identity provider, until there is a
 * session.
 * @param problem why logging in did not work so far.
 * @returns once there is a session.
 */
export function logIn(why, problem = "") {
  const dialog = find("#login");
  const error = find("#login-error");
  const button = find(".primary", dialog);
  const [email, code] = [find("#email"), find("#code")];
  find("#login-why").textContent = why ?? "";
  error.textContent = problem;
  email.value ||= account.current?.email ?? "";
  account.set(null);
  askForCode(false);
  // There is nothing to see without a session.
  dialog.oncancel = (event) => event.preventDefault();
  // A code belongs to its address.
  email.oninput = () => askForCode(false);
  return new Promise((resolve) => {
    /** What goes wrong is said; afterwards one can try again. */
    const trying = async (work) => {
      button.disabled = true;
      try {
        await work();
      } catch (failure) {
        error.textContent = failure.message;
      }
      button.disabled = false;
    };
    const prepare = async () => {
      await trying(async () => show(await loginMode()));
      (email.hidden ? button : email).focus();
    };
    const send = (body) => trying(async () => {
      error.textContent = "";
      try {
        const reply = await json("POST", "/auth/email", { body });
        if (reply.status === "code_sent") {
          find("#login-why").textContent = `A code is on its way to ${body.email}.`;
          askForCode(true);
        } else {
          account.set({ token: reply.access_token, email: body.email, id: reply.session_id });
          dialog.close();
          resolve(reply);
        }
      } catch (failure) {
        if (body.code) code.select();
        throw failure;
      }
    });
    find("form", dialog).onsubmit = (event) => {
      event.preventDefault();
      if (known?.provider) {
        return trying(() => {
          error.textContent = "";
          return oidc.logIn(known.provider);
        });
      }
      if (!known) return prepare();
      // However it was pasted.
      const digits = code.value.replace(/\D/g, "");
      return send({ email: email.value, ...(code.required && { code: digits }) });
    };
    find("#code-again").onclick = () => send({ email: email.value });
    // Another tab may have brought the session; and a browser closes it at the second Escape whatever one says.
    dialog.onclose = () => {
      if (account.current) resolve(null);
      else dialog.showModal();
    };
    if (!dialog.open) dialog.showModal();
    prepare();
  });
}

/** What is asked for, once it is known. */
function show({ mode, provider }) {
  const isElsewhere = mode === "external";
  const email = find("#email");
  for (const part of ["#login label", "#email", "#login-hint"]) find(part).hidden = isElsewhere;
  email.disabled = isElsewhere;
  find("#login-provider").hidden = !isElsewhere;
  find("#login .primary").hidden = isElsewhere && !provider;
  if (!isElsewhere) return;
  find("#login-provider").textContent = provider
    ? `You log in at ${new URL(provider.issuer).host}, and come back here.`
    : "People log in with an identity provider here, and this page has not been set up for it.";
}

function askForCode(isAsked) {
  const code = find("#code");
  for (const part of ["#login-code", "#code-again"]) find(part).hidden = !isAsked;
  find("#login-hint").hidden = isAsked;
  code.required = isAsked;
  code.value = "";
  if (isAsked) code.focus();
}
