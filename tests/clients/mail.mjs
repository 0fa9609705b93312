// Mails and what their links and codes let people do: recovery, codes, sign-ups to confirm, another
// address, proving again who one is. The mails are read in the origin's log, as in development.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createClient } from '@supabase/supabase-js';
import { ADMIN_EMAIL, EDGE_URL, PASSWORD, client, good, loggedIn, refused } from './gapura.mjs';

const { ORIGIN_LOG } = process.env;
const GATE = 'http://127.0.0.1:8787';
const EMAIL = 'made@example.test';

/** The mails to an address until now: what stands between its `To:` and the next line of the log. */
const mails = (to) => readFileSync(ORIGIN_LOG, 'utf8').split('\nTo: ').slice(1)
  .filter((mail) => mail.startsWith(`${to}\n`))
  .map((mail) => ({
    subject: mail.match(/^Subject: (.*)$/m)[1],
    code: mail.match(/(?:code|kode)[^:]*: (\d{6})$/m)?.[1],
    // The origin was told of another gate than the test's.
    link: mail.match(/^http\S+verify\S+$/m)?.[0].replace(GATE, EDGE_URL),
  }));

/** The first mail to an address that `fits`. */
async function mail(to, fits = () => true) {
  for (let tries = 0; tries < 800; tries += 1) {
    const found = mails(to).find(fits);
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw assert.fail(`no mail to ${to}`);
}

const about = (word) => ({ subject }) => subject.includes(word);

// Sign up: nobody is in before the address is confirmed, and only the password tells that.
const made = client();
assert.equal(good(await made.auth.signUp({ email: EMAIL, password: PASSWORD })).session, null);
refused(await made.auth.signInWithPassword({ email: EMAIL, password: PASSWORD }), 400, 'email_not_confirmed');
refused(await made.auth.signInWithPassword({ email: EMAIL, password: 'wrong' }), 400, 'invalid_credentials');
const confirmation = await mail(EMAIL, about('Confirm'));
refused(await made.auth.verifyOtp({ email: EMAIL, token: '0000000', type: 'signup' }), 403, 'otp_expired');
const confirmed = good(await made.auth.verifyOtp({ email: EMAIL, token: confirmation.code, type: 'signup' }));
assert.ok(confirmed.session.access_token && confirmed.user.email_confirmed_at);
refused(await client().auth.verifyOtp({ email: EMAIL, token: confirmation.code, type: 'signup' }), 403, 'otp_expired');
good(await client().auth.resend({ type: 'signup', email: EMAIL }));
await loggedIn(EMAIL);

// Recovery: by the link's token, then another password, which ends the old one.
good(await client().auth.resetPasswordForEmail(EMAIL));
good(await client().auth.resetPasswordForEmail('nobody@example.test'));
const recovery = await mail(EMAIL, about('new password'));
const token_hash = new URL(recovery.link).searchParams.get('token');
const owner = client();
good(await owner.auth.verifyOtp({ token_hash, type: 'recovery' }));
refused(await client().auth.verifyOtp({ token_hash, type: 'recovery' }), 403, 'otp_expired');
const password = 'lain sama sekali';
good(await owner.auth.updateUser({ password }));
await mail(EMAIL, about('was changed'));
await loggedIn(EMAIL, password);
refused(await client().auth.signInWithPassword({ email: EMAIL, password: PASSWORD }), 400, 'invalid_credentials');

// Proving again who one is.
good(await owner.auth.reauthenticate());
const { code: nonce } = await mail(EMAIL, about('code'));
const wrong = nonce === '000000' ? '000001' : '000000';
refused(await owner.auth.updateUser({ password: 'sembilan kuda hijau', nonce: wrong }), 422, 'reauthentication_not_valid');
good(await owner.auth.updateUser({ password: 'sembilan kuda hijau', nonce }));

// A code instead of a password, for somebody new; in Indonesian, who reads that.
const kadek = client();
good(await kadek.auth.signInWithOtp({ email: 'kadek@example.test', options: { data: { lang: 'id', name: 'Kadek' } } }));
const { code } = await mail('kadek@example.test', about('Konfirmasi'));
const { user } = good(await kadek.auth.verifyOtp({ email: 'kadek@example.test', token: code, type: 'email' }));
assert.equal(user.user_metadata.name, 'Kadek');
good(await client().auth.signInWithOtp({ email: 'nobody@example.test', options: { shouldCreateUser: false } }));

// Another address: both agree, then it is the account's.
good(await kadek.auth.updateUser({ email: 'baru@example.test' }));
const from = await mail('kadek@example.test', about('Ubah'));
const { user: changing } = good(await kadek.auth.getUser());
assert.deepEqual([changing.email, changing.new_email], ['kadek@example.test', 'baru@example.test']);
const half = good(await client().auth.verifyOtp({ email: 'kadek@example.test', token: from.code, type: 'email_change' }));
assert.deepEqual(half, { user: null, session: null });
const to = await mail('baru@example.test');
const moved = good(await kadek.auth.verifyOtp({ email: 'baru@example.test', token: to.code, type: 'email_change' }));
assert.equal(moved.user.email, 'baru@example.test');

// Somebody whom an operator asks in.
const operator = await loggedIn(ADMIN_EMAIL);
const { session: key } = good(await operator.auth.getSession());
const { admin } = createClient(EDGE_URL, key.access_token, {
  auth: { persistSession: false, autoRefreshToken: false },
  realtime: { transport: class {} },
}).auth;
const invited = good(await admin.inviteUserByEmail('nyoman@example.test', { data: { name: 'Nyoman' } }));
assert.equal(invited.user.user_metadata.name, 'Nyoman');
const invitation = await mail('nyoman@example.test', about('invitation'));
const nyoman = good(await client().auth.verifyOtp({ email: 'nyoman@example.test', token: invitation.code, type: 'invite' }));
assert.equal(nyoman.user.id, invited.user.id);
refused(await admin.inviteUserByEmail('nyoman@example.test'), 422, 'email_exists');

// A browser that follows a link comes back with a session, or, by PKCE, with a code for one.
good(await client().auth.signInWithOtp({ email: 'wayan@example.test', options: { emailRedirectTo: `${GATE}/welcome` } }));
const followed = await fetch((await mail('wayan@example.test')).link, { redirect: 'manual' });
assert.equal(followed.status, 303);
const place = new URL(followed.headers.get('location'));
assert.equal(place.pathname, '/welcome');
const fragment = new URLSearchParams(place.hash.slice(1));
const wayan = client();
good(await wayan.auth.setSession({ access_token: fragment.get('access_token'), refresh_token: fragment.get('refresh_token') }));

const store = new Map();
const storage = { getItem: (key) => store.get(key) ?? null, setItem: (key, value) => store.set(key, value), removeItem: (key) => store.delete(key) };
const pkce = client({ flowType: 'pkce', storage });
good(await pkce.auth.signInWithOtp({ email: 'ketut@example.test' }));
const back = await fetch((await mail('ketut@example.test')).link, { redirect: 'manual' });
const authCode = new URL(back.headers.get('location')).searchParams.get('code');
const exchanged = good(await pkce.auth.exchangeCodeForSession(authCode));
assert.equal(exchanged.user.email, 'ketut@example.test');

// Nobody who was written to in vain was written to.
assert.deepEqual(mails('nobody@example.test'), []);
