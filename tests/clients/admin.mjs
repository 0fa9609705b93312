// Operators: the whole of `supabase.auth.admin` that is about users, and one's own account.

import assert from 'node:assert/strict';
import { createClient } from '@supabase/supabase-js';
import { ADMIN_EMAIL, EDGE_URL, PASSWORD, account, claims, client, eventually, good, loggedIn, refused } from './gapura.mjs';

const NEW_PASSWORD = 'kuda baterai benar';

// An operator's token is the key of such a client.
const operator = await loggedIn(ADMIN_EMAIL);
const { session: key } = good(await operator.auth.getSession());
const keyed = (token) => createClient(EDGE_URL, token, {
  auth: { persistSession: false, autoRefreshToken: false },
  realtime: { transport: class {} },
}).auth.admin;
const admin = keyed(key.access_token);

// Create, get, list.
const { user: made } = good(await admin.createUser({
  email: 'made@example.test', password: PASSWORD, email_confirm: true,
  user_metadata: { name: 'Made' }, app_metadata: { plan: 'PREMIUM' },
}));
assert.equal(made.role, 'user');
assert.ok(made.email_confirmed_at);
assert.deepEqual(good(await admin.getUserById(made.id)).user, made);
refused(await admin.createUser({ email: 'made@example.test' }), 422, 'email_exists');
refused(await admin.createUser({ email: 'b@example.test', password: 'password' }), 422, 'weak_password', 'AuthWeakPasswordError');
refused(await admin.createUser({ email: 'b@example.test', shoe_size: 43 }), 400, 'validation_failed');
const page = good(await admin.listUsers({ page: 1, perPage: 1 }));
assert.deepEqual({ users: page.users.length, total: page.total, next: page.nextPage, last: page.lastPage },
  { users: 1, total: 2, next: 2, last: 2 });
assert.equal(good(await admin.listUsers()).users.length, 2);

// Nobody else.
const person = await loggedIn('made@example.test');
const own = keyed(good(await person.auth.getSession()).session.access_token);
refused(await own.listUsers(), 403, 'not_admin');
refused(await keyed('x.y.z').listUsers(), 401, 'bad_jwt');
refused(await admin.getUserById('00000000-0000-4000-8000-000000000000'), 404, 'user_not_found');

// One's own account: metadata, then the password, which ends the other device at the gate too.
const elsewhere = await loggedIn('made@example.test');
assert.deepEqual(good(await person.auth.updateUser({ data: { city: 'Ubud' } })).user.user_metadata, { name: 'Made', city: 'Ubud' });
refused(await person.auth.updateUser({ password: PASSWORD }), 422, 'same_password');
refused(await person.auth.updateUser({ password: 'password' }), 422, 'weak_password', 'AuthWeakPasswordError');
refused(await person.auth.updateUser({ password: NEW_PASSWORD, current_password: 'wrong' }), 400, 'invalid_credentials');
good(await person.auth.updateUser({ password: NEW_PASSWORD, current_password: PASSWORD }));
const shutOut = (it) => eventually('a token of an ended session still holds', async () => (await it.auth.getUser()).error?.name === 'AuthSessionMissingError');
await shutOut(elsewhere);
good(await person.auth.getUser());
refused(await client().auth.signInWithPassword({ email: 'made@example.test', password: PASSWORD }), 400, 'invalid_credentials');

// A ban ends the sessions; who knows the password is told, others are not.
const { session: before } = good(await person.auth.getSession());
assert.ok(good(await admin.updateUserById(made.id, { ban_duration: '24h' })).user.banned_until);
await shutOut(person);
refused(await client().auth.signInWithPassword({ email: 'made@example.test', password: NEW_PASSWORD }), 400, 'user_banned');
refused(await client().auth.signInWithPassword({ email: 'made@example.test', password: 'wrong' }), 400, 'invalid_credentials');
refused(await client().auth.refreshSession({ refresh_token: before.refresh_token }), 400, 'user_banned');
assert.equal(good(await admin.updateUserById(made.id, { ban_duration: 'none' })).user.banned_until, undefined);

// Another role is in the next token, and there is no other one.
const again = await loggedIn('made@example.test', NEW_PASSWORD);
good(await admin.updateUserById(made.id, { role: 'admin', email: 'made2@example.test', user_metadata: { city: null } }));
await shutOut(again);
const promoted = await loggedIn('made2@example.test', NEW_PASSWORD);
assert.equal((await claims(promoted)).role, 'admin');

// Tenants, over the same gate: the token of the next refresh carries the one that was chosen.
const ask = async (of, method, path, body) => {
  const { session } = good(await of.auth.getSession());
  const headers = { authorization: `Bearer ${session.access_token}`, 'content-type': 'application/json' };
  const answer = await fetch(`${EDGE_URL}/auth/v1/${path}`, { method, headers, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.status === 204 ? null : answer.json();
};
const tenant = await ask(operator, 'POST', 'admin/tenants', { name: 'Warung Made' });
await ask(operator, 'PUT', `admin/tenants/${tenant.id}/members/${made.id}`);
good(await promoted.auth.refreshSession());
assert.equal((await claims(promoted)).tenant_id, tenant.id);

// One's own devices.
const { sessions } = await ask(promoted, 'GET', 'sessions');
assert.deepEqual(sessions.map(({ current, user_agent }) => [current, user_agent]), [[true, 'node']]);
const device = await loggedIn('made2@example.test', NEW_PASSWORD);
await ask(promoted, 'DELETE', `sessions/${(await claims(device)).session_id}`);
await shutOut(device);

// A link for somebody who has no mail.
const link = { type: 'magiclink', email: 'made2@example.test', options: { redirectTo: EDGE_URL } };
const { properties, user: linked } = good(await admin.generateLink(link));
assert.equal(linked.id, made.id);
assert.equal(properties.verification_type, 'magiclink');
assert.ok(properties.action_link.includes(properties.hashed_token));
good(await client().auth.verifyOtp({ token_hash: properties.hashed_token, type: 'magiclink' }));
const { properties: asked } = good(await admin.generateLink(link));
good(await client().auth.verifyOtp({ email: link.email, token: asked.email_otp, type: 'magiclink' }));
refused(await admin.generateLink({ type: 'recovery', email: 'nobody@example.test' }), 404, 'user_not_found');

// What others prove themselves by, and their sessions.
const luh = await account('luh@example.test');
const { id: luhId } = good(await luh.auth.getUser()).user;
const factor = good(await luh.auth.mfa.enroll({ factorType: 'totp' }));
const { factors } = good(await admin.mfa.listFactors({ userId: luhId }));
assert.deepEqual(factors.map(({ id, status }) => [id, status]), [[factor.id, 'unverified']]);
// The client wraps this answer once more than its types say.
assert.equal(good(await admin.mfa.deleteFactor({ userId: luhId, id: factor.id })).data.id, factor.id);
assert.deepEqual(good(await admin.mfa.listFactors({ userId: luhId })).factors, []);
await shutOut(luh);
for (const scope of ['local', 'global', 'others']) {
  const [one, two] = [await loggedIn('luh@example.test'), await loggedIn('luh@example.test')];
  const { session } = good(await one.auth.getSession());
  good(await admin.signOut(session.access_token, scope));
  if (scope !== 'others') await shutOut(one);
  if (scope !== 'local') await shutOut(two);
  good(await (scope === 'others' ? one : scope === 'local' ? two : await loggedIn('luh@example.test')).auth.getUser());
}

// Delete: what an account was, or the account, and every token of it.
const leaving = await account('komang@example.test');
const { user: komang } = good(await leaving.auth.getUser());
good(await admin.deleteUser(komang.id, true));
await shutOut(leaving);
assert.ok(good(await admin.getUserById(komang.id)).user.deleted_at);
good(await admin.deleteUser(made.id));
await shutOut(promoted);
refused(await admin.deleteUser(made.id), 404, 'user_not_found');
refused(await admin.deleteUser((await claims(operator)).sub), 400, 'validation_failed');
good(await account('kadek@example.test').then((it) => it.auth.getUser()));
