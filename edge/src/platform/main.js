// The Worker's main module. worker-build wraps every call in proxies that renew
// the Wasm instance after a panic; they cost 6 to 10 µs each. Here a call goes
// straight in, and through the wrapper only when there was a panic.
import { DurableObject } from "cloudflare:workers";
import Entrypoint, { Guard as GuardCore, LedgerObject as LedgerCore, Shim } from "./index.js";

const { fetch } = Entrypoint.prototype;
const repeat = Shim.repeater();
const state = globalThis.__worker_init_state;

export default {
  fetch(request, env, ctx) {
    const refused = repeat(request);
    if (refused) return refused;
    if (state.criticalError) new Entrypoint(ctx, env); // renews the instance
    const answered = fetch.call({ env, ctx }, request);
    // A client that hangs up would end the call: what the origin tells with its answer would be lost.
    if (request.method !== "GET" && answered instanceof Promise) ctx.waitUntil(answered);
    return answered;
  },
};

/** An object is asked by RPC, at half the price of a `fetch`. */
const asked = (Core) =>
  class extends DurableObject {
    #core;

    constructor(ctx, env) {
      super(ctx, env);
      this.#core = new Core(ctx, env);
    }

    ask(question) {
      return this.#core.ask(question);
    }

    alarm() {
      return this.#core.alarm();
    }
  };

export class Guard extends asked(GuardCore) {}
export class Ledger extends asked(LedgerCore) {}
