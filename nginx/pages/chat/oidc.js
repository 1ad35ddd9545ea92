// Logging in with an identity provider: OpenID Connect's authorization code flow with PKCE (RFC 7636, S256). The page
// is a public client: it has no secret, and asks the provider for its tokens itself. The tokens are kept as a session's
// is, and sent in headers and bodies only. What a token says is looked at to choose among them; the server checks it.
//
// Refused: a reply of the provider to another login than this tab's last one, of another provider, and an ID token that
// was not made for that login.

import { account, Failure, json, store, stored } from "./api.js";

/** What this tab's last login must be answered with; good for one reply. */
const PENDING = "parley-login";
const HOME = `${location.origin}/chat/`;

let on;
/** @param handlers {askOthers}: gets this login's newest tokens from other tabs; {renewed}: there are new ones. */
export function begin(handlers) {
  on = handlers;
}

// The provider's reply, which is in the address: out of it before anything else looks there.

const pending = stored(PENDING);
const reply = takeReply();

function takeReply() {
  const query = new URLSearchParams(location.search);
  if (!query.has("code") && !query.has("error")) return null;
  store(PENDING, null);
  history.replaceState(null, "", HOME + (pending?.hash ?? ""));
  // A parameter that is there twice is none (RFC 6749, 3.1).
  const once = (name) => query.getAll(name).length === 1 ? query.get(name) : null;
  return Object.fromEntries([...query.keys()].map((name) => [name, once(name)]));
}

/** Goes to the provider, which sends the browser back here. */
export async function logIn(client) {
  const [about, [state, nonce, verifier]] = [await discover(client.issuer), [random(), random(), random()]];
  store(PENDING, { client, state, nonce, verifier, hash: location.hash });
  if (stored(PENDING)?.state !== state) {
    throw new Failure(0, { message: "Your browser keeps nothing for this page, and so nobody can log in." });
  }
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  go(about.authorization_endpoint, {
    response_type: "code", client_id: client.client_id, redirect_uri: HOME, scope: client.scope, state, nonce,
    code_challenge: base64URL(new Uint8Array(digest)), code_challenge_method: "S256",
    // Some providers give tokens for an API only if it is asked for; the others ignore this.
    ...(client.audience !== client.client_id && { audience: client.audience }),
  });
}

/** Takes the provider's reply, if there is one. @returns the session. @throws a Failure: why there is none. */
export async function finish() {
  if (!reply || account.current) return null;
  if (!pending || reply.state !== pending.state) refuse("That reply was not to this tab's last login.");
  const { client, nonce, verifier } = pending;
  const about = await discover(client.issuer);
  // RFC 9207: of which provider the reply is.
  const isNamed = about.authorization_response_iss_parameter_supported === true || "iss" in reply;
  if (isNamed && reply.iss !== client.issuer) refuse("That reply was not the identity provider's.");
  if (reply.error === "access_denied") refuse("You have not been logged in: it was cancelled, or is not allowed.");
  if (!reply.code) refuse(`The identity provider said: ${reply.error_description || reply.error || "nothing"}.`);
  const tokens = await exchange(about, client, {
    grant_type: "authorization_code", code: reply.code, redirect_uri: HOME, code_verifier: verifier,
  });
  const who = claims(tokens.id_token);
  const isOurs = who?.iss === client.issuer && names(who, client.client_id) && who.nonce === nonce
    && (who.azp ?? client.client_id) === client.client_id;
  if (!isOurs) refuse("The identity provider's ID token is not for this login.");
  const email = [who.email, who.preferred_username, who.name].find((name) => typeof name === "string") ?? "Account";
  account.set({ ...taken(tokens, client), client, email, id: random(), serial: 0 });
  try {
    return await json("GET", "/auth/session");
  } catch (failure) {
    account.set(null);
    if (failure.status !== 401) throw failure;
    return refuse(`This server does not take the identity provider's token: ${failure.message}.`);
  }
}

// Tokens.

/** @returns what of the provider's tokens the server takes: the one of its issuer and for its audience. */
function taken({ access_token, id_token, refresh_token, token_type }, { issuer, audience }) {
  const fits = (token) => {
    const said = claims(token);
    return said?.iss === issuer && names(said, audience) && typeof said.exp === "number";
  };
  const token = [/^bearer$/i.test(token_type) ? access_token : null, id_token].find(fits);
  if (!token) refuse(`The identity provider gives no token for “${audience}”.`);
  const { exp, iat, nbf } = claims(token);
  // By the provider's clock, since the one here may be wrong.
  const life = 1000 * (exp - (iat ?? nbf ?? Date.now() / 1000));
  return { token, refresh: refresh_token, ends: Date.now() + life - Math.min(30_000, life / 5) };
}

const names = ({ aud }, party) => [aud].flat().includes(party);

function claims(token) {
  try {
    const text = atob(token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/"));
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(text, (byte) => byte.charCodeAt(0))));
  } catch { return null; }
}

let renewal = null;
/** Before a request: a token that is about to end is exchanged for a new one, once for all who wait. */
account.renew = () => {
  if (!isEnding()) return renewal;
  // One tab at a time: a refresh token may be good only once.
  renewal ??= navigator.locks.request("parley-tokens", renew).finally(() => { renewal = null; });
  return renewal;
};

const isEnding = () => account.current?.client && Date.now() >= account.current.ends;

async function renew() {
  await on.askOthers();
  const { current } = account;
  if (!isEnding()) return;
  if (!current.refresh) throw new Failure(401, { message: "Your login has ended." });
  const about = await discover(current.client.issuer);
  const tokens = await exchange(about, current.client, { grant_type: "refresh_token", refresh_token: current.refresh });
  if (account.current !== current) return;
  const fresh = taken(tokens, current.client);
  if (claims(fresh.token).sub !== claims(current.token).sub) refuse("The new token is somebody else's.");
  account.set({ ...current, ...fresh, refresh: fresh.refresh ?? current.refresh, serial: current.serial + 1 });
  on.renewed();
}

/** After logging out: goes to where the provider's session is ended. @returns false where there is no such place. */
export async function logOut({ client, refresh }) {
  const about = await discover(client.issuer).catch(() => ({}));
  if (refresh && about.revocation_endpoint) {
    const body = new URLSearchParams({ token: refresh, token_type_hint: "refresh_token", client_id: client.client_id });
    fetch(about.revocation_endpoint, { method: "POST", body, credentials: "omit", keepalive: true }).catch(() => {});
  }
  if (!about.end_session_endpoint) return false;
  // Without the ID token that it could have as a hint: no address has a token.
  go(about.end_session_endpoint, { client_id: client.client_id, post_logout_redirect_uri: HOME });
  return true;
}

// The provider.

const documents = new Map();

/** What a provider says of itself (OpenID Connect Discovery 1.0). */
async function discover(issuer) {
  if (documents.has(issuer)) return documents.get(issuer);
  const about = await ask(`${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`);
  if (about.issuer !== issuer) refuse("The identity provider calls itself by another name.");
  documents.set(issuer, about);
  return about;
}

const exchange = (about, client, form) => ask(about.token_endpoint, { ...form, client_id: client.client_id });

async function ask(address, form) {
  let reply;
  try {
    reply = await fetch(address, {
      ...(form && { method: "POST", body: new URLSearchParams(form) }),
      cache: "no-store", credentials: "omit", redirect: "error", signal: AbortSignal.timeout(20_000),
    });
  } catch {
    throw new Failure(0, { message: "The identity provider cannot be reached." });
  }
  const body = await reply.json().catch(() => null);
  if (reply.ok && body) return body;
  if (reply.status === 429 || reply.status >= 500 || !body) {
    throw new Failure(0, { message: `The identity provider replied with status ${reply.status}.` });
  }
  if (body.error === "invalid_grant") refuse("That login has expired.");
  return refuse(`The identity provider said: ${body.error_description ?? body.error}.`);
}

function go(address, parameters) {
  const url = new URL(address);
  if (!/^https?:$/.test(url.protocol)) refuse("The identity provider's address cannot be used.");
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  location.assign(url);
}

/** Whoever is refused has to log in anew. */
function refuse(message) {
  throw new Failure(401, { message: message.replace(/([.!?])\.$/, "$1") });
}

const random = () => base64URL(crypto.getRandomValues(new Uint8Array(32)));

const base64URL = (bytes) =>
  btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
