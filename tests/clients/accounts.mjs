// Sign up, sign in, get user, refresh, sign out; and the errors by which the client tells them apart.

import assert from 'node:assert/strict';
import { PASSWORD, account, claims, client, eventually, good, loggedIn, refused } from './gapura.mjs';

const EMAIL = 'made@example.test';

// Sign up: an account, and no session unless the server is set so. An address that is taken looks alike.
const made = client();
const first = good(await made.auth.signUp({ email: EMAIL, password: PASSWORD, options: { data: { name: 'Made' } } }));
assert.equal(first.session, null);
assert.equal(first.user.email, EMAIL);
assert.equal(first.user.user_metadata.name, 'Made');
const second = good(await client().auth.signUp({ email: EMAIL, password: 'lain sama sekali' }));
assert.deepEqual(Object.keys(second.user).sort(), Object.keys(first.user).sort());

// What cannot be an account.
const weak = refused(await client().auth.signUp({ email: 'weak@example.test', password: 'password' }), 422, 'weak_password', 'AuthWeakPasswordError');
assert.deepEqual(weak.reasons, ['pwned']);
refused(await client().auth.signUp({ email: 'nobody', password: PASSWORD }), 400, 'validation_failed');

// Sign in.
for (const [email, password] of [[EMAIL, 'wrong'], ['nobody@example.test', PASSWORD]]) {
  refused(await client().auth.signInWithPassword({ email, password }), 400, 'invalid_credentials');
}
const { session, user } = good(await made.auth.signInWithPassword({ email: EMAIL, password: PASSWORD }));
assert.equal(user.id, first.user.id);
assert.deepEqual(user.identities.map(({ provider, user_id, email }) => ({ provider, user_id, email })),
  [{ provider: 'email', user_id: user.id, email: EMAIL }]);
assert.equal(session.token_type, 'bearer');
assert.ok(session.expires_at * 1000 > Date.now());

// The user, by the token of the session and by none.
assert.equal(good(await made.auth.getUser()).user.id, first.user.id);
refused(await client().auth.getUser(), 400, undefined, 'AuthSessionMissingError');

// Refresh: the session stays, its tokens do not.
const before = await claims(made);
const refreshed = good(await made.auth.refreshSession());
assert.notEqual(refreshed.session.refresh_token, session.refresh_token);
const after = await claims(made);
assert.equal(after.session_id, before.session_id);
assert.notEqual(after.jti, before.jti);
refused(await client().auth.refreshSession({ refresh_token: 'A'.repeat(43) }), 400, 'refresh_token_not_found');

// Sign out: this device, the others, all of them. What is ended is refused at the gate and here.
const refuses = (it, { access_token: token }) => eventually('a token of an ended session still holds', async () =>
  (await it.auth.getUser(token)).error?.name === 'AuthSessionMissingError');
const devices = [made, await loggedIn(EMAIL), await loggedIn(EMAIL), await loggedIn(EMAIL)];
const sessions = await Promise.all(devices.map(async (it) => good(await it.auth.getSession()).session));
const ended = async (index) => {
  await refuses(client(), sessions[index]);
  refused(await client().auth.refreshSession({ refresh_token: sessions[index].refresh_token }), 400, 'session_expired');
};
good(await devices[0].auth.signOut({ scope: 'local' }));
await ended(0);
good(await devices[1].auth.signOut({ scope: 'others' }));
await ended(2);
await ended(3);
good(await devices[1].auth.getUser());
good(await devices[1].auth.signOut());
await ended(1);

// A second account is not affected by any of it.
const other = await account('kadek@example.test');
good(await other.auth.signOut({ scope: 'global' }));
