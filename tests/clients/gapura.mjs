// What the programs beside this one share: clients, accounts, and how an answer must look.

import assert from 'node:assert/strict';
import { createClient } from '@supabase/supabase-js';

export const { EDGE_URL, ANON_KEY, ADMIN_EMAIL, PASSWORD } = process.env;

// The client wants one on Node 20; nobody here connects it.
class NoSocket {}

/** A browser of its own: its session is kept in memory and renewed by nobody. */
export function client(options = {}) {
  const auth = { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false, ...options };
  return createClient(EDGE_URL, ANON_KEY, { auth, realtime: { transport: NoSocket } });
}

/** The data of an answer that must be good. */
export function good({ data, error }) {
  assert.equal(error, null, `${error?.status} ${error?.code}: ${error?.message}`);
  return data;
}

/** An answer must be this error: status, code, and by its class where that matters. */
export function refused({ error }, status, code, name = 'AuthApiError') {
  assert.ok(error, `${status} ${code} was expected`);
  assert.deepEqual({ status: error.status, code: error.code, name: error.name }, { status, code, name }, error.message);
  return error;
}

/** A client that is logged in. */
export async function loggedIn(email, password = PASSWORD) {
  const it = client();
  good(await it.auth.signInWithPassword({ email, password }));
  return it;
}

/** A new account and a client that is logged in as it. */
export async function account(email, options) {
  const it = client();
  good(await it.auth.signUp({ email, password: PASSWORD, options }));
  good(await it.auth.signInWithPassword({ email, password: PASSWORD }));
  return it;
}

/** The claims of the access token that a client has. */
export async function claims(of) {
  const { session } = good(await of.auth.getSession());
  return JSON.parse(Buffer.from(session.access_token.split('.')[1], 'base64url'));
}

/** Waits until `probe` finds something. Revocations reach the edge within two seconds of the answer that
 * told of them: a probe that begins later must find it, however slow the machine is. */
export async function eventually(what, probe) {
  const answered = performance.now();
  for (;;) {
    const late = performance.now() - answered > 2000;
    if (await probe()) return;
    assert.ok(!late, what);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
