// The second factor: enrol, challenge, verify, the level of a session, and what is refused without it.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { EDGE_URL, account, claims, client, good, loggedIn, refused } from './gapura.mjs';

const EMAIL = 'made@example.test';

/** The code of an authenticator (RFC 6238), so many steps ahead: each is good once. */
function code(secret, ahead = 0) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret].map((letter) => alphabet.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + ahead));
  const digest = createHmac('sha1', key).update(step).digest();
  const word = digest.readUInt32BE(digest[19] & 15) & 0x7fffffff;
  return String(word % 1_000_000).padStart(6, '0');
}

const level = async (it) => good(await it.auth.mfa.getAuthenticatorAssuranceLevel());

/** How a route answers that the policy wants two factors for. */
async function vault(it) {
  const { session } = good(await it.auth.getSession());
  const answer = await fetch(`${EDGE_URL}/vault/a`, { headers: { authorization: `Bearer ${session.access_token}` } });
  return [answer.status, answer.ok ? undefined : (await answer.json()).code];
}

const made = await account(EMAIL);
assert.deepEqual(await vault(made), [403, 'insufficient_aal']);
assert.deepEqual({ ...(await level(made)), currentAuthenticationMethods: undefined },
  { currentLevel: 'aal1', nextLevel: 'aal1', currentAuthenticationMethods: undefined });
assert.deepEqual(good(await made.auth.mfa.listFactors()).all, []);

// Enrol: a picture, a secret, a URI.
const factor = good(await made.auth.mfa.enroll({ factorType: 'totp', friendlyName: 'phone', issuer: 'Gapura' }));
assert.equal(factor.type, 'totp');
assert.ok(factor.totp.qr_code.startsWith('data:image/svg+xml;utf-8,<svg'));
assert.ok(factor.totp.uri.startsWith('otpauth://totp/Gapura:made%40example.test?secret='));
refused(await made.auth.mfa.enroll({ factorType: 'totp', friendlyName: 'phone' }), 422, 'mfa_factor_name_conflict');
const spare = good(await made.auth.mfa.enroll({ factorType: 'totp', friendlyName: 'spare' }));
const unverified = good(await made.auth.mfa.listFactors());
assert.deepEqual(unverified.all.map((one) => [one.friendly_name, one.status]).sort(), [['phone', 'unverified'], ['spare', 'unverified']]);
assert.deepEqual(unverified.totp, []);

// Challenge and verify.
const challenge = good(await made.auth.mfa.challenge({ factorId: factor.id }));
assert.ok(challenge.expires_at * 1000 > Date.now());
refused(await made.auth.mfa.verify({ factorId: factor.id, challengeId: challenge.id, code: 'wrong' }), 422, 'mfa_verification_failed');
refused(await made.auth.mfa.verify({ factorId: spare.id, challengeId: challenge.id, code: code(spare.totp.secret) }), 422, 'mfa_challenge_expired');
refused(await made.auth.mfa.challenge({ factorId: 'none' }), 404, 'mfa_factor_not_found');
const verified = good(await made.auth.mfa.verify({ factorId: factor.id, challengeId: challenge.id, code: code(factor.totp.secret) }));
assert.equal(verified.recovery_codes.length, 10);
assert.equal((await level(made)).currentLevel, 'aal2');
assert.deepEqual((await level(made)).currentAuthenticationMethods.map(({ method }) => method), ['totp', 'password']);
assert.deepEqual(good(await made.auth.mfa.listFactors()).totp.map(({ id }) => id), [factor.id]);

// It opens what wants two factors, and stays over refreshes.
assert.deepEqual(await vault(made), [200, undefined]);
good(await made.auth.refreshSession());
assert.deepEqual(await vault(made), [200, undefined]);
assert.equal((await claims(made)).aal, 'aal2');

// Another login starts below, and knows that there is more to prove.
const other = await loggedIn(EMAIL);
assert.equal((await level(other)).currentLevel, 'aal1');
assert.equal((await level(other)).nextLevel, 'aal2');
assert.deepEqual(await vault(other), [403, 'insufficient_aal']);
refused(await other.auth.mfa.enroll({ factorType: 'totp', friendlyName: 'theirs' }), 403, 'insufficient_aal');
refused(await other.auth.mfa.unenroll({ factorId: factor.id }), 403, 'insufficient_aal');
good(await other.auth.mfa.challengeAndVerify({ factorId: factor.id, code: code(factor.totp.secret, 1) }));
assert.equal((await level(other)).currentLevel, 'aal2');

// Off again: the sessions fall back with their next token.
assert.equal(good(await other.auth.mfa.unenroll({ factorId: factor.id })).id, factor.id);
good(await other.auth.refreshSession());
assert.deepEqual(await level(other).then(({ currentLevel, nextLevel }) => [currentLevel, nextLevel]), ['aal1', 'aal1']);
refused(await client().auth.mfa.challenge({ factorId: factor.id }), 403, 'bad_jwt');
