// Rows: what postgrest-js can ask of the tables of the development stack, and of `papers`, `cites` and `letters`,
// which the test adds.
//
// | Of the interface                                  | Under the heading                                    |
// |---|---|
// | columns, renames; casts                           | Insert, Select; Casts, JSON                          |
// | JSON paths: shown, filtered, ordered              | JSON                                                 |
// | to one, to many, two levels, `!fk`, `!inner`      | Tables within tables, Paths from table to table      |
// | eq neq gt gte lt lte like ilike in is not and or  | Select, JSON (lte)                                   |
// | (any), (all)                                      | Casts, patterns of several                           |
// | fts plfts phfts wfts                              | Full text                                            |
// | rows by what is embedded (`is.null`)              | Paths from table to table                            |
// | order, nulls, limit, offset, Range                | Select, JSON, What the client library has no word for |
// | Prefer: return                                    | Insert (minimal, representation), no word (headers-only) |
// | Prefer: count, missing, resolution                | Select, JSON (planned, estimated), Writes, Update    |
// | Prefer: max-affected, tx, handling                | Writes, no word                                      |
// | bulk insert, upsert, on_conflict                  | Insert, Update, Writes, JSON (another unique column) |
// | update and delete by filter, refused without      | Update                                               |
// | HEAD, one object, CSV out and in                  | Select, no word                                      |
// | ETag, If-Match, Idempotency-Key                   | no word                                              |
// | encrypted columns; of tenants                     | An encrypted column; Tenants                         |
// | missing=default, write-only, pages of a change    | What a row is, Which rows                            |
// | two ways to a table                               | Two ways                                             |
// | errors: shape and codes                           | What is not there, and `denied` everywhere           |

import assert from 'node:assert/strict';
import { ADMIN_EMAIL, ANON_KEY, EDGE_URL, account, client, good, loggedIn } from './gapura.mjs';

const { DATABASE } = process.env;

/** An answer must be this error. */
function denied({ error, status }, expected, code) {
  assert.ok(error, `${expected} ${code} was expected`);
  assert.deepEqual({ status, code: error.code }, { status: expected, code }, error.message);
  for (const part of ['code', 'message', 'details', 'hint']) assert.ok(part in error, `no ${part}: ${JSON.stringify(error)}`);
  return error;
}

const ada = await account('ada@example.test');
const bob = await account('bob@example.test');
const admin = await loggedIn(ADMIN_EMAIL);
const adaId = (await ada.auth.getUser()).data.user.id;

// Insert: nothing comes back unless it is asked for; identity gives the owner, the server id and time.
assert.equal((await ada.from('notes').insert({ title: 'first' })).status, 201);
const [second, third] = good(await ada.from('notes').insert([
  { title: 'second', body: 'Select a date from the calendar, then update the table', phone: '+62 812-3456-7890' },
  { title: 'third', body: "O'Brien wrote <b>this</b>", phone: null },
]).select());
assert.equal(second.user_id, adaId);
assert.match(second.created_at, /^20\d\d-\d\d-\d\dT.*\+00:00$/);
const single = good(await ada.from('notes').insert({ title: 'fourth' }).select('id, heading:title').single());
assert.deepEqual(Object.keys(single), ['id', 'heading']);
await bob.from('notes').insert({ title: 'of bob' });

// Select: columns, casts, filters, order, pages.
assert.deepEqual(good(await ada.from('notes').select('title').order('title')), ['first', 'fourth', 'second', 'third'].map((title) => ({ title })));
assert.equal(good(await ada.from('notes').select('*').eq('id', second.id).single()).phone, '+62 812-3456-7890');
const titles = async (query) => good(await query.order('title')).map((row) => row.title);
const from = () => ada.from('notes').select('title');
assert.deepEqual(await titles(from().neq('title', 'first').gte('title', 'second')), ['second', 'third']);
assert.deepEqual(await titles(from().like('title', 'f%')), ['first', 'fourth']);
assert.deepEqual(await titles(from().ilike('title', '%IR%')), ['first', 'third']);
assert.deepEqual(await titles(from().in('title', ['first', 'second', "x, (y) 'z'"])), ['first', 'second']);
// As many ids as one page of another table has.
assert.deepEqual(await titles(from().in('title', ['first', ...Array.from({ length: 200 }, () => crypto.randomUUID())])), ['first']);
assert.deepEqual(await titles(from().is('body', null)), ['first', 'fourth']);
assert.deepEqual(await titles(from().not('body', 'is', null)), ['second', 'third']);
assert.deepEqual(await titles(from().or('title.eq.first,and(title.eq.third,body.not.is.null)')), ['first', 'third']);
assert.deepEqual(await titles(from().match({ title: 'third', body: "O'Brien wrote <b>this</b>" }).limit(1)), ['third']);
assert.deepEqual(await titles(from().filter('title', 'in', '("first","third")')), ['first', 'third']);
assert.deepEqual(await titles(from().gt('created_at', '2020-01-01T00:00:00Z').lt('created_at', '2999-01-01')), ['first', 'fourth', 'second', 'third']);
const page = await ada.from('notes').select('title', { count: 'exact' }).order('title', { ascending: false }).range(1, 2);
assert.deepEqual([page.status, page.count, good(page).map((row) => row.title)], [206, 4, ['second', 'fourth']]);
const head = await ada.from('notes').select('*', { count: 'exact', head: true });
assert.deepEqual([head.count, head.data], [4, null]);
assert.equal(good(await ada.from('notes').select().eq('title', 'none').maybeSingle()), null);
denied(await ada.from('notes').select().single(), 406, 'PGRST116');
assert.match(good(await ada.from('notes').select('title,phone').order('title').csv()), /^title,phone\nfirst,\n/);

// An encrypted column: found by equality, and by nothing else.
assert.deepEqual(await titles(from().eq('phone', '+62 812-3456-7890')), ['second']);
assert.deepEqual(await titles(from().in('phone', ['+62 812-3456-7890', '1'])), ['second']);
assert.match(denied(await from().like('phone', '+62%'), 400, 'PGRST100').message, /encrypted/);
denied(await from().order('phone'), 400, 'PGRST100');

// Tables within tables.
good(await ada.from('note_tags').insert([{ note_id: second.id, tag: 'b' }, { note_id: second.id, tag: 'a' }, { note_id: third.id, tag: 'c' }]));
assert.deepEqual(
  good(await ada.from('notes').select('title, note_tags(tag)').in('id', [second.id, third.id]).order('title').order('tag', { referencedTable: 'note_tags' })),
  [{ title: 'second', note_tags: [{ tag: 'a' }, { tag: 'b' }] }, { title: 'third', note_tags: [{ tag: 'c' }] }],
);
assert.deepEqual(
  good(await ada.from('note_tags').select('tag, notes!inner(title, phone)').eq('notes.title', 'second').order('tag')),
  ['a', 'b'].map((tag) => ({ tag, notes: { title: 'second', phone: '+62 812-3456-7890' } })),
);
assert.equal(good(await ada.from('notes').select('title, tags:note_tags(tag)').eq('id', second.id).limit(1, { referencedTable: 'tags' }).single()).tags.length, 1);

// Update, upsert, delete.
const changed = good(await ada.from('notes').update({ body: 'x', phone: '1' }).eq('id', third.id).select());
assert.deepEqual([changed.length, changed[0].body, changed[0].phone], [1, 'x', '1']);
assert.deepEqual(await titles(from().eq('phone', '1')), ['third']);
denied(await ada.from('notes').update({ body: 'x' }), 400, '21000');
denied(await ada.from('notes').delete(), 400, '21000');
const upserted = good(await ada.from('notes').upsert([{ id: third.id, title: 'third' }, { id: crypto.randomUUID(), title: 'fifth' }]).select());
assert.deepEqual(upserted.map((row) => [row.title, row.body]), [['third', 'x'], ['fifth', null]]);
assert.deepEqual(good(await ada.from('notes').upsert({ id: third.id, title: 'not' }, { ignoreDuplicates: true }).select()), []);
denied(await ada.from('notes').insert({ id: third.id, title: 'again' }), 409, '23505');
assert.equal((await ada.from('notes').delete({ count: 'exact' }).eq('title', 'fifth')).count, 1);
assert.equal((await ada.from('note_tags').delete().eq('note_id', third.id)).status, 204);

// Somebody else's: neither seen nor changed; and nobody's without an account.
assert.deepEqual(good(await bob.from('notes').select('title')), [{ title: 'of bob' }]);
assert.deepEqual(good(await bob.from('notes').update({ title: 'stolen' }).eq('id', second.id).select()), []);
denied(await bob.from('notes').insert({ title: 'x', user_id: adaId }), 403, '42501');
denied(await bob.from('notes').upsert({ id: second.id, title: 'stolen' }), 403, '42501');
denied(await bob.from('note_tags').insert({ note_id: second.id, tag: 'x' }), 403, '42501');
denied(await client().from('notes').select(), 401, '42501');
assert.equal(good(await admin.from('notes').select('id')).length, 5);

// What is not there.
denied(await ada.from('user_account').select(), 404, 'PGRST205');
denied(await ada.from('notes').select('phone_index'), 400, '42703');
denied(await ada.from('notes').select('*, sessions(*)'), 400, 'PGRST200');
denied(await ada.from('notes').select().eq('id', 'not a uuid'), 400, '22P02');

// Paths from table to table: two levels, a foreign key by name, rows without a match, their pages.
const tags = 'note_tags!note_tags_note_id_fkey';
assert.deepEqual(
  good(await ada.from('note_tags').select(`tag, notes(title, ${tags}(tag))`).eq('note_id', second.id).order('tag')
    .order('tag', { referencedTable: 'notes.note_tags', ascending: false })),
  ['a', 'b'].map((tag) => ({ tag, notes: { title: 'second', note_tags: [{ tag: 'b' }, { tag: 'a' }] } })),
);
const withTags = (join, query = (it) => it) => query(ada.from('notes').select(`title, note_tags!${join}(tag)`).order('title'));
assert.deepEqual(
  good(await withTags('left', (it) => it.eq('note_tags.tag', 'a'))).map((row) => [row.title, row.note_tags.length]),
  [['first', 0], ['fourth', 0], ['second', 1], ['third', 0]],
);
assert.deepEqual(good(await withTags('inner', (it) => it.eq('note_tags.tag', 'a'))).map((row) => row.title), ['second']);
assert.deepEqual(
  good(await withTags('inner', (it) => it.or('tag.eq.b,tag.eq.x', { referencedTable: 'note_tags' }))),
  [{ title: 'second', note_tags: [{ tag: 'b' }] }],
);
assert.deepEqual(
  good(await ada.from('notes').select('note_tags(tag)').eq('id', second.id).order('tag', { referencedTable: 'note_tags' })
    .range(1, 1, { referencedTable: 'note_tags' }).single()).note_tags,
  [{ tag: 'b' }],
);
denied(await ada.from('notes').select('title, note_tags!nothing(tag)'), 400, 'PGRST200');
const bare = () => ada.from('notes').select('title, note_tags()').order('title');
assert.deepEqual(good(await bare().is('note_tags', null)), ['first', 'fourth', 'third'].map((title) => ({ title })));
assert.deepEqual(good(await bare().not('note_tags', 'is', null)), [{ title: 'second' }]);

// Casts, patterns of several, full text where the engine has it, quantifiers.
const cast = good(await ada.from('notes').select('title::text, made:created_at::text').eq('id', second.id).single());
assert.match(cast.made, /^20\d\d-\d\d-\d\d[ T]/);
assert.deepEqual(await titles(from().likeAnyOf('title', ['fi%', 'sec%'])), ['first', 'second']);
assert.deepEqual(await titles(from().likeAllOf('title', ['f%', '%th'])), ['fourth']);
assert.deepEqual(await titles(from().ilikeAnyOf('title', ['FI%', '%RD'])), ['first', 'third']);
denied(await from().eq('body->>a', '1'), 400, 'PGRST100');

// Writes: what is missing, what is there already, how many, what is only tried.
const mixed = good(await ada.from('notes').insert([{ title: 'sixth', body: 'b' }, { title: 'seventh' }], { defaultToNull: false }).select('title, body'));
assert.deepEqual(mixed, [{ title: 'sixth', body: 'b' }, { title: 'seventh', body: null }]);
const again = { id: second.id, title: 'second', body: 'again' };
assert.equal(good(await ada.from('notes').upsert(again, { onConflict: 'id' }).select('body').single()).body, 'again');
denied(await ada.from('notes').upsert({ title: 'second', body: 'x' }, { onConflict: 'title' }), 400, '42P10');
denied(await bob.from('notes').upsert({ title: 'second' }, { onConflict: 'title', ignoreDuplicates: true }), 400, '42P10');
denied(await ada.from('notes').update({ body: 'x' }).in('title', ['sixth', 'seventh']).maxAffected(1), 400, 'PGRST124');
assert.equal((await ada.from('notes').update({ body: 'x' }).in('title', ['sixth', 'seventh']).maxAffected(2)).status, 204);
const tried = good(await ada.from('notes').insert({ title: 'rehearsal' }).select('title').rollback().single());
assert.deepEqual([tried.title, await titles(from().eq('title', 'rehearsal'))], ['rehearsal', []]);
const whole = good(await ada.from('notes').select('id, user_id, title, body, phone').eq('id', second.id).single());
assert.equal(good(await ada.from('notes').update({ ...whole, body: 'whole' }).eq('id', second.id).select().single()).body, 'whole');

// JSON: paths that are shown, filtered and ordered by; numbers; pages that begin in the middle.
const made = good(await ada.from('papers').insert([
  { code: 'a', number: 1, price: 1.5, meta: { lang: 'en', year: 1999, tags: ['x', 'y'], by: { name: "O'Brien" } } },
  { code: 'b', number: 20, price: 20, meta: { lang: 'id', year: 2024, tags: [], by: null, open: true } },
  { code: 'c', number: null, price: null, meta: null },
]).select());
assert.deepEqual(made[0].meta, { lang: 'en', year: 1999, tags: ['x', 'y'], by: { name: "O'Brien" } });
const papers = (select = 'code') => ada.from('papers').select(select);
const codes = async (query) => good(await query).map((row) => row.code);
assert.deepEqual(
  good(await papers('code, meta->by->name, year:meta->year, first:meta->tags->>0').eq('code', 'a').single()),
  { code: 'a', name: "O'Brien", year: 1999, first: 'x' },
);
assert.deepEqual(
  good(await papers('n:number::text, y:meta->>year::integer, price::text').eq('code', 'b').single()).y,
  2024,
);
assert.deepEqual(await codes(papers().eq('meta->>lang', 'id')), ['b']);
assert.deepEqual(await codes(papers().in('meta->>lang', ['id', 'en']).order('code')), ['a', 'b']);
assert.deepEqual(await codes(papers().gt('meta->year', 2000)), ['b']);
assert.deepEqual(await codes(papers().lte('meta->year', 1999)), ['a']);
assert.deepEqual(await codes(papers().eq('meta->open', true)), ['b']);
assert.deepEqual(await codes(papers().is('meta->>lang', null)), ['c']);
assert.deepEqual(await codes(papers().like('meta->by->>name', "O'%")), ['a']);
assert.deepEqual(await codes(papers().or('meta->>lang.eq.en,meta->>year.eq.2024').order('code')), ['a', 'b']);
assert.deepEqual(await codes(papers().not('meta->year', 'is', null).order('meta->year', { ascending: false })), ['b', 'a']);
assert.deepEqual(await codes(papers().lte('number', 20).lt('price', 20)), ['a']);
assert.deepEqual(await codes(papers().order('number', { nullsFirst: true }).order('code')), ['c', 'a', 'b']);
assert.deepEqual(await codes(papers().order('number', { ascending: false, nullsFirst: false })), ['b', 'a', 'c']);
for (const count of ['planned', 'estimated']) {
  assert.equal((await ada.from('papers').select('code', { count }).limit(1)).count, 3, count);
}
const merged = good(await ada.from('papers').upsert([{ code: 'a', number: 2 }, { code: 'd', number: 3 }], { onConflict: 'code' }).select('code, number, meta->>lang'));
assert.deepEqual(merged, [{ code: 'a', number: 2, lang: 'en' }, { code: 'd', number: 3, lang: null }]);
const taken = denied(await bob.from('papers').insert({ code: 'a' }), 409, '23505');
assert.deepEqual([taken.details, taken.hint], [null, null]);
denied(await bob.from('papers').upsert({ code: 'a', number: 0 }, { onConflict: 'code' }), 403, '42501');
for (const query of [
  papers().contains('meta', { lang: 'en' }), papers().containedBy('meta', { lang: 'en' }), papers().overlaps('meta', ['en']),
  papers().rangeGt('number', '[1,2]'), papers().rangeGte('number', '[1,2]'), papers().rangeLt('number', '[1,2]'), papers().rangeLte('number', '[1,2]'),
  papers().rangeAdjacent('number', '[1,2]'), papers().filter('code', 'match', '^a'), papers('code, ...cites(id)'),
]) denied(await query, 400, 'PGRST127');
denied(await papers('number.sum()'), 400, 'PGRST123');
denied(await ada.rpc('papers'), 404, 'PGRST205');
denied(await ada.from('notes').insert({ title: 'x', created_at: '2020-01-01' }), 403, '42501');
assert.equal(good(await papers('code, n:number::text, p:price::integer').eq('code', 'b').csv()), 'code,n,p\nb,20,20\n');

// Full text: its four ways, negated and among others; the configuration is PostgreSQL's alone.
for (const [code, abstract] of [['a', 'the rivers of java'], ['b', 'ships on rivers, and shoes'], ['c', null]]) {
  assert.equal((await ada.from('papers').update({ abstract }).eq('code', code)).status, 204);
}
good(await bob.from('papers').insert({ code: 'bob', abstract: 'ships on rivers' }));
const about = async (query) => codes(query(papers()).order('code'));
assert.deepEqual(await about((rows) => rows.textSearch('abstract', "rivers & !'ships'")), ['a']);
assert.deepEqual(await about((rows) => rows.textSearch('abstract', "'ships' | 'java'")), ['a', 'b']);
assert.deepEqual(await about((rows) => rows.textSearch('abstract', 'riv:*')), ['a', 'b']);
assert.deepEqual(await about((rows) => rows.textSearch('abstract', 'shoes rivers', { type: 'plain' })), ['b']);
assert.deepEqual(await about((rows) => rows.textSearch('abstract', 'rivers shoes', { type: 'phrase' })), []);
assert.deepEqual(await about((rows) => rows.textSearch('abstract', 'and shoes', { type: 'phrase' })), ['b']);
assert.deepEqual(await about((rows) => rows.textSearch('abstract', 'java or "and shoes"', { type: 'websearch' })), ['a', 'b']);
assert.deepEqual(await about((rows) => rows.textSearch('abstract', 'rivers -java', { type: 'websearch' })), ['b']);
assert.deepEqual(await about((rows) => rows.not('abstract', 'plfts', 'ships')), ['a']);
assert.deepEqual(await about((rows) => rows.or('abstract.wfts.java,code.eq.c')), ['a', 'c']);
const english = papers().textSearch('abstract', 'river', { type: 'plain', config: 'english' }).order('code');
if (DATABASE === 'postgres') assert.deepEqual(await codes(english), ['a', 'b']);
else denied(await english, 400, 'PGRST100');
denied(await papers().textSearch('abstract', 'two words'), 400, '22P02');
denied(await papers().textSearch('number', '1'), 400, 'PGRST100');
assert.equal((await bob.from('papers').delete().eq('code', 'bob')).status, 204);

// What a row is: defaults of the database where nothing was said, and what goes in and never out.
const states = async (options) => {
  const rows = [{ code: 'm1', state: 'sent' }, { code: 'm2' }];
  const told = good(await ada.from('papers').insert(rows, options).select('state')).map((row) => row.state);
  assert.equal((await ada.from('papers').delete().in('code', ['m1', 'm2'])).status, 204);
  return told;
};
assert.deepEqual(await states({ defaultToNull: false }), ['sent', 'new']);
assert.deepEqual(await states(), ['sent', null]);
const [pinned] = good(await ada.from('papers').update({ pin: '1234' }).eq('code', 'a').select());
assert.deepEqual([pinned.code, 'pin' in pinned], ['a', false]);
denied(await papers('pin'), 403, '42501');
denied(await papers().eq('pin', '1234'), 403, '42501');
denied(await papers().order('pin'), 403, '42501');

// Which rows: those that were found, although they no longer meet the filter; those of the page, and no other.
assert.deepEqual(good(await ada.from('papers').update({ code: 'z' }).eq('code', 'd').select('code')), [{ code: 'z' }]);
good(await ada.from('notes').insert(['p0', 'p1', 'p2', 'p3'].map((title) => ({ title, body: 'page' }))));
const pageOf = (query) => query.eq('body', 'page').order('title').range(1, 2).select('title');
assert.deepEqual(good(await pageOf(ada.from('notes').update({ body: 'page' }))), [{ title: 'p1' }, { title: 'p2' }]);
assert.deepEqual(good(await pageOf(ada.from('notes').delete())), [{ title: 'p1' }, { title: 'p2' }]);
assert.deepEqual(await titles(from().eq('body', 'page')), ['p0', 'p3']);
assert.equal((await ada.from('notes').delete().eq('body', 'page')).status, 204);

// Two ways from table to table: a hint says which one is meant.
const idOf = Object.fromEntries(good(await papers('id, code')).map((row) => [row.code, row.id]));
good(await ada.from('cites').insert([{ from_id: idOf.b, to_id: idOf.a }, { from_id: idOf.a, to_id: idOf.c }]));
denied(await papers('code, cites(id)'), 300, 'PGRST201');
denied(await ada.from('cites').select('papers(code)'), 300, 'PGRST201');
for (const hints of [['to_id', 'from_id'], ['cites_to_id_fkey', 'cites_from_id_fkey']]) {
  const [to, of] = hints;
  assert.deepEqual(
    good(await papers(`code, by:cites!${to}(paper:papers!${of}(code)), of:cites!${of}(paper:papers!${to}(code))`).eq('code', 'a').single()),
    { code: 'a', by: [{ paper: { code: 'b' } }], of: [{ paper: { code: 'c' } }] },
  );
}
denied(await papers('code, cites!nothing(id)'), 400, 'PGRST200');

// Tenants: each has keys of its own, and sees what is its own.
const operate = async (method, path, body) => {
  const { session } = good(await admin.auth.getSession());
  const headers = { authorization: `Bearer ${session.access_token}`, 'content-type': 'application/json' };
  const answer = await fetch(`${EDGE_URL}/auth/v1/admin/${path}`, { method, headers, body: body && JSON.stringify(body) });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.status === 204 ? null : answer.json();
};
const tenants = [];
for (const [who, name] of [[ada, 'Ada & Co.'], [bob, 'Bob & Co.']]) {
  const { id } = await operate('POST', 'tenants', { name });
  await operate('PUT', `tenants/${id}/members/${good(await who.auth.getUser()).user.id}`);
  good(await who.auth.refreshSession());
  tenants.push(id);
}
for (const [who, tenant] of [[ada, tenants[0]], [bob, tenants[1]]]) {
  assert.deepEqual(good(await who.from('letters').insert({ secret: 'a word' }).select('tenant_id, secret').single()), { tenant_id: tenant, secret: 'a word' });
  for (const filter of [{}, { secret: 'a word' }]) {
    assert.deepEqual(good(await who.from('letters').select('tenant_id').match(filter)), [{ tenant_id: tenant }]);
  }
}
denied(await ada.from('letters').insert({ tenant_id: tenants[1], secret: 'x' }), 403, '42501');
denied(await ada.from('letters').update({ tenant_id: tenants[1] }).eq('secret', 'a word'), 400, 'PGRST100');
denied(await ada.schema('other').from('notes').select(), 406, 'PGRST106');
denied(await ada.schema('other').from('notes').insert({ title: 'x' }), 406, 'PGRST106');

// What the client library has no word for: lines in, ranges, one row as it was seen, once.
const { access_token: token } = good(await ada.auth.getSession()).session;
const rest = (path, { headers, ...init } = {}) => fetch(`${EDGE_URL}/rest/v1/${path}`, { ...init, headers: { authorization: `Bearer ${token}`, apikey: ANON_KEY, ...headers } });
const lines = await rest('notes', { method: 'POST', headers: { 'content-type': 'text/csv', prefer: 'return=representation' }, body: 'title,body\neighth,"a, b"\nninth,NULL\n' });
assert.deepEqual([lines.status, (await lines.json()).map((row) => row.body)], [201, ['a, b', null]]);
const ranged = await rest('notes?select=title&order=title', { headers: { range: '1-2', prefer: 'count=exact' } });
assert.deepEqual([ranged.status, ranged.headers.get('content-range'), (await ranged.json()).length], [206, '1-2/8', 2]);
const one = `notes?id=eq.${second.id}`;
const object = { accept: 'application/vnd.pgrst.object+json' };
const etag = (await rest(one, { headers: object })).headers.get('etag');
assert.equal((await rest(one, { headers: { ...object, 'if-none-match': etag } })).status, 304);
const change = (body) => rest(one, { method: 'PATCH', headers: { 'content-type': 'application/json', 'if-match': etag }, body: JSON.stringify({ body }) });
assert.deepEqual([(await change('y')).status, (await change('z')).status], [204, 412]);
const once = () => rest('notes', { method: 'POST', headers: { 'content-type': 'application/json', 'idempotency-key': 'k-1', prefer: 'return=representation' }, body: '{"title":"tenth"}' });
const [first, replayed] = [await once(), await once()];
assert.deepEqual([first.status, replayed.status, replayed.headers.get('idempotency-replayed')], [201, 201, 'true']);
assert.deepEqual(await first.json(), await replayed.json());
const headersOnly = await rest('notes', { method: 'POST', headers: { 'content-type': 'application/json', prefer: 'return=headers-only' }, body: '{"title":"eleventh"}' });
assert.match(headersOnly.headers.get('location'), /^\/rest\/v1\/notes\?id=eq\.[0-9a-f-]{36}$/);
const middle = await rest('papers?select=code&order=code&limit=2&offset=1');
assert.deepEqual([middle.headers.get('content-range'), (await middle.json()).map((row) => row.code)], ['1-2/*', ['b', 'c']]);
const strict = await rest('papers?select=code', { headers: { prefer: 'handling=strict, nonsense=1' } });
assert.deepEqual([strict.status, (await strict.json()).code], [400, 'PGRST122']);
const told = await rest('papers?select=code,meta->>lang&code=eq.b', {
  method: 'PATCH', headers: { 'content-type': 'application/json', accept: 'text/csv', prefer: 'return=representation' }, body: '{"number":21}',
});
assert.deepEqual([told.status, await told.text()], [200, 'code,lang\nb,id\n']);
