// The Worker's main module. worker-build wraps every call in proxies that renew
// the Wasm instance after a panic; they cost 6 to 10 µs each. Here a call goes
// straight in, and through the wrapper only when there was a panic.
import { DurableObject } from "cloudflare:workers";
import Entrypoint, { Guard as GuardCore } from "./index.js";

const { fetch } = Entrypoint.prototype;
const state = globalThis.__worker_init_state;

export default {
  fetch(request, env, ctx) {
    if (state.criticalError) new Entrypoint(ctx, env); // renews the instance
    return fetch.call({ env, ctx }, request);
  },
};

/** The Guard is asked by RPC, at half the price of a `fetch`. */
export class Guard extends DurableObject {
  #core;

  constructor(ctx, env) {
    super(ctx, env);
    this.#core = new GuardCore(ctx, env);
  }

  ask(question) {
    return this.#core.ask(question);
  }

  alarm() {
    return this.#core.alarm();
  }
}
