// The Worker as it is, with its objects counted, and made to fail, to be slow or to be evicted
// when a test says so. All objects live in the one isolate of a test's workerd.
import worker, { Guard as RealGuard, Ledger as RealLedger } from "./main.js";

// What the Worker and the objects beside it take for the time is shifted as a test says.
const now = Date.now.bind(Date);
let shiftMs = 0;
let stoppedMs = null;
Date.now = () => (stoppedMs ?? now()) + shiftMs;

const counts = { guard: 0, ledger: 0, answered: 0, read: 0 };
const faults = {};

/** What the objects asked their storage for since it was counted last. */
let cursors = [];
const watched = new WeakSet();

function watch(sql) {
  const storage = Object.getPrototypeOf(sql);
  if (watched.has(storage)) return;
  watched.add(storage);
  const { exec } = storage;
  storage.exec = function (...query) {
    const cursor = exec.apply(this, query);
    cursors.push(cursor);
    return cursor;
  };
}

function count() {
  for (const cursor of cursors) counts.read += cursor.rowsRead;
  cursors = [];
}

/** Rows as the objects write them, their own among them: the table, and its name before rows had ends. */
const TABLES = { guard: ["subjects", "guard", "shard"], ledger: ["entries", "ledger", "version"] };

const instrumented = (Real, name) =>
  class extends Real {
    /** The latest question. */
    #latest = "";

    constructor(ctx, env) {
      super(ctx, env);
      watch(ctx.storage.sql);
    }

    async ask(question) {
      counts[name] += 1;
      this.#latest = question;
      const fault = faults[name];
      if (fault === "fail") throw new Error("down");
      if (fault) await new Promise((resolve) => setTimeout(resolve, Number(fault)));
      try {
        return super.ask(question);
      } finally {
        counts.answered += 1;
        count();
      }
    }

    /** Is asked its latest question again, about so many other IPv4 addresses; how often it answered. */
    crowd(address, first, count) {
      const question = this.#latest;
      let answered = 0;
      for (let n = first; question.includes(address) && n < first + count; n += 1) {
        const other = `11.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
        try {
          super.ask(question.replaceAll(address, other));
          answered += 1;
        } catch {
          // It has no room.
        }
        cursors = [];
      }
      return answered;
    }

    /** The alarm goes off. */
    async ring() {
      await super.alarm();
      count();
    }

    /** Stores so many rows besides, all alike. */
    fill(prefix, row, until, rows) {
      const [table, , own] = TABLES[name];
      const sql = this.ctx.storage.sql;
      sql.exec(
        `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ?)
         INSERT INTO ${table} SELECT ? || (i / 65536) || '.' || (i / 256 % 256) || '.' || (i % 256), ?, ? FROM n`,
        rows,
        prefix,
        row,
        until,
      );
      if (name === "ledger") {
        sql.exec(`INSERT OR REPLACE INTO ${table} VALUES (?, ?, ?)`, own, `${Date.now()} ${rows}`, 2 ** 53 - 1);
      }
      cursors = [];
    }

    /** Has the rows lie as they did before they had ends. */
    downgrade() {
      const [table, earlier, own] = TABLES[name];
      const sql = this.ctx.storage.sql;
      const row = `CASE WHEN key = '${own}' AND instr(row, ' ') THEN substr(row, 1, instr(row, ' ') - 1) ELSE row END`;
      sql.exec(`CREATE TABLE ${earlier} (key TEXT PRIMARY KEY, row TEXT NOT NULL) WITHOUT ROWID`);
      sql.exec(`INSERT INTO ${earlier} SELECT key, ${row} FROM ${table}`);
      sql.exec(`DROP TABLE ${table}`);
    }

    /** Whether its rows can be written from now on, or those alone whose keys are unlike `keys`. */
    writable(is, keys) {
      const [table] = TABLES[name];
      for (const [change, row] of [["INSERT", "NEW"], ["DELETE", "OLD"]]) {
        const sql = is
          ? `DROP TRIGGER IF EXISTS no_${change}`
          : `CREATE TRIGGER no_${change} BEFORE ${change} ON ${table} WHEN ${row}.key LIKE '${keys}'
             BEGIN SELECT RAISE(ABORT, 'refused by a test'); END`;
        this.ctx.storage.sql.exec(sql);
      }
      cursors = [];
    }

    /** What is committed from now on lies beyond the first 100,000 bytes of its log. */
    lengthen() {
      this.ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS padding (bytes BLOB)");
      this.ctx.storage.sql.exec("INSERT INTO padding VALUES (randomblob(100000))");
      cursors = [];
    }

    /** How many rows are stored besides the object's own. */
    stored() {
      const [table, , own] = TABLES[name];
      const found = this.ctx.storage.sql.exec(`SELECT count(*) AS n FROM ${table} WHERE key <> ?`, own);
      return found.one().n;
    }

    evict() {
      this.ctx.abort("evicted by a test");
    }
  };

export class Guard extends instrumented(RealGuard, "guard") {}
export class Ledger extends instrumented(RealLedger, "ledger") {}

/** The shards of the policy as shipped, in which every test's subjects live. */
const SHARDS = [0, 1, 2, 3];

export default {
  async fetch(request, env, ctx) {
    const url = new URL(request.url);
    const given = (name) => url.searchParams.get(name);
    const shards = () => SHARDS.map((n) => env.GUARD.getByName("/" + n));
    const all = () => [...shards(), env.LEDGER.getByName("ledger")];
    const done = () => new Response(null, { status: 204 });
    switch (url.pathname) {
      case "/__counts":
        return Response.json(counts);
      case "/__fault":
        for (const [name, fault] of url.searchParams) faults[name] = fault;
        return done();
      case "/__clock":
        shiftMs = Number(given("ms"));
        if (url.searchParams.has("stop")) stoppedMs = now();
        return done();
      case "/__evict":
        await Promise.allSettled(all().map((object) => object.evict()));
        return done();
      case "/__fill": {
        const fill = (object) => object.fill(given("prefix"), given("row"), Number(given("until")), Number(given("rows")));
        const objects = given("kind") === "guard" ? shards() : [env.LEDGER.getByName("ledger")];
        await Promise.all(objects.map(fill));
        return done();
      }
      case "/__crowd": {
        const crowd = (object) => object.crowd(given("address"), Number(given("first")), Number(given("count")));
        const answered = await Promise.all(shards().map(crowd));
        return Response.json(answered.reduce((sum, answers) => sum + answers, 0));
      }
      case "/__downgrade":
        await Promise.all(all().map((object) => object.downgrade()));
        return done();
      case "/__writable":
        await Promise.all(all().map((object) => object.writable(given("is") === "true", given("keys") ?? "%")));
        return done();
      case "/__lengthen":
        await Promise.all(all().map((object) => object.lengthen()));
        return done();
      case "/__ring":
        await Promise.all(all().map((object) => object.ring()));
        return done();
      case "/__stored": {
        const stored = await Promise.all(all().map((object) => object.stored()));
        return Response.json(stored.reduce((sum, rows) => sum + rows, 0));
      }
      default:
        return worker.fetch(request, env, ctx);
    }
  },
};
