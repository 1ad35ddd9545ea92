// Requests to the server this page came from, and what its errors mean. The token is kept in memory and in
// sessionStorage, and is sent in the Authorization header only.

const KEY = "parley-session";

/**
 * Who is logged in: {token, email, id}, or null. The id is the login's, and stays when its token is renewed; with an
 * identity provider there is more (oidc.js).
 */
export const account = {
  current: read(),
  /** Waits until the token is good, where it is one that can be renewed. */
  renew: () => null,
  set(value) {
    account.current = value;
    if (value) store(KEY, value);
    else sessionStorage.removeItem(KEY);
  },
};

function read(key = KEY) {
  try { return JSON.parse(sessionStorage.getItem(key)); } catch { return null; }
}

/** Keeps a value for a reload of this tab. A tab that may keep nothing works, until it is reloaded. */
export function store(key, value) {
  try {
    if (value === null) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, JSON.stringify(value));
  } catch { /* full, or not allowed */ }
}
export const stored = read;

/** What a request came to, other than a good reply. Status 0 is no reply at all. */
export class Failure extends Error {
  constructor(status, body = {}, wait = null) {
    super(body.message ?? (status ? `The server replied with status ${status}.` : "The server cannot be reached."));
    this.status = status;
    this.title = body.error ?? "";
    /** Seconds to wait before it is tried again; null where nobody knows. */
    this.wait = wait;
  }

  /** Whether the same request may succeed a little later. */
  get passes() { return this.status === 0 || this.status >= 500 || (this.status === 429 && !this.isSpent); }
  /** A limit that no waiting helps. */
  get isSpent() { return this.status === 429 && this.wait === null; }
}

/** @returns the reply, which is a 2xx. */
export async function request(method, path, { body, headers = {}, signal } = {}) {
  const renewal = account.renew();
  if (renewal) await renewal;
  const token = account.current?.token;
  let reply;
  try {
    reply = await fetch(path, {
      method, signal, cache: "no-store", credentials: "omit", redirect: "error",
      headers: {
        ...headers,
        ...(token && { Authorization: `Bearer ${token}` }),
        ...(body !== undefined && { "Content-Type": "application/json" }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Failure(0);
  }
  if (reply.ok) return reply;
  const seconds = Number.parseInt(reply.headers.get("Retry-After") ?? "", 10);
  const error = await reply.json().catch(() => ({}));
  throw new Failure(reply.status, error, Number.isNaN(seconds) ? null : Math.min(seconds, 86_400));
}

export async function json(method, path, options) {
  const reply = await request(method, path, options);
  try {
    return await reply.json();
  } catch {
    throw new Failure(0);
  }
}

export const conversation = (id) => `/chat/conversations/${encodeURIComponent(id)}`;
