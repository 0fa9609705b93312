// The Worker as it is, with its objects counted, and made to fail, to be slow or to be evicted
// when a test says so. All objects live in the one isolate of a test's workerd.
import worker, { Guard as RealGuard, Ledger as RealLedger } from "./main.js";

// What the Worker and the objects beside it take for the time is shifted as a test says.
const now = Date.now.bind(Date);
let shiftMs = 0;
let stoppedMs = null;
Date.now = () => (stoppedMs ?? now()) + shiftMs;

const counts = { guard: 0, ledger: 0 };
const faults = {};

const instrumented = (Real, name) =>
  class extends Real {
    async ask(question) {
      counts[name] += 1;
      const fault = faults[name];
      if (fault === "fail") throw new Error("down");
      if (fault) await new Promise((resolve) => setTimeout(resolve, Number(fault)));
      return super.ask(question);
    }

    evict() {
      this.ctx.abort("evicted by a test");
    }
  };

export class Guard extends instrumented(RealGuard, "guard") {}
export class Ledger extends instrumented(RealLedger, "ledger") {}

export default {
  async fetch(request, env, ctx) {
    const url = new URL(request.url);
    switch (url.pathname) {
      case "/__counts":
        return Response.json(counts);
      case "/__fault":
        for (const [name, fault] of url.searchParams) faults[name] = fault;
        return new Response(null, { status: 204 });
      case "/__clock":
        shiftMs = Number(url.searchParams.get("ms"));
        if (url.searchParams.has("stop")) stoppedMs = now();
        return new Response(null, { status: 204 });
      case "/__evict": {
        const names = Array.from({ length: 8 }, (_, n) => env.GUARD.getByName("/" + n));
        const all = [...names, env.LEDGER.getByName("ledger")];
        await Promise.allSettled(all.map((object) => object.evict()));
        return new Response(null, { status: 204 });
      }
      default:
        return worker.fetch(request, env, ctx);
    }
  },
};
