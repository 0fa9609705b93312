// Tokens signed with EdDSA, where that is set: WebCrypto, which browsers and Node have alike, verifies them
// with the public keys. `getClaims` of supabase-js knows ES256 and RS256 alone; `getUser` asks the server.

import assert from 'node:assert/strict';
import { EDGE_URL, account, good } from './gapura.mjs';

const made = await account('made@example.test');
const { session } = good(await made.auth.getSession());
const [head, body, signature] = session.access_token.split('.');
const { alg, kid } = JSON.parse(Buffer.from(head, 'base64url'));
assert.equal(alg, 'EdDSA');

const { keys } = await (await fetch(`${EDGE_URL}/auth/v1/.well-known/jwks.json`)).json();
const key = await crypto.subtle.importKey('jwk', keys.find((one) => one.kid === kid), 'Ed25519', false, ['verify']);
const verifies = (of) => crypto.subtle.verify('Ed25519', key, Buffer.from(signature, 'base64url'), Buffer.from(of));
assert.ok(await verifies(`${head}.${body}`));
const forged = Buffer.from(JSON.stringify({ role: 'admin' })).toString('base64url');
assert.ok(!(await verifies(`${head}.${forged}`)));

assert.equal(good(await made.auth.getUser()).user.email, 'made@example.test');
await assert.rejects(async () => good(await made.auth.getClaims()), /alg|Invalid/);
