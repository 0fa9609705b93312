// What a client reads of its own token, verified with the public keys: what `init` sets (ES256) is what
// `getClaims` knows.

import assert from 'node:assert/strict';
import { account, good } from './gapura.mjs';

const made = await account('made@example.test');
const { claims, header } = good(await made.auth.getClaims());
assert.equal(header.alg, 'ES256');
assert.equal(claims.email, 'made@example.test');
assert.equal(claims.aal, 'aal1');

// And nothing that somebody else signed.
const { session } = good(await made.auth.getSession());
const [head, body, signature] = session.access_token.split('.');
const forged = Buffer.from(JSON.stringify({ ...claims, role: 'admin' })).toString('base64url');
const { error } = await made.auth.getClaims([head, forged, signature].join('.'));
assert.equal(error?.name, 'AuthInvalidJwtError');
assert.notEqual(body, forged);
