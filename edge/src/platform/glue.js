// The crossings between Wasm and the runtime, each as few as possible: a call
// across costs more than the work on either side. No decision is made here.

/** Method, URL and headers in one text: see `Facts::read`. */
export function facts(request) {
  let text = request.method + "\n" + request.url + "\n";
  for (const [name, value] of request.headers) text += name + "\0" + value + "\n";
  return text;
}

/**
 * The same with no more headers than a refusal needs: a flood is answered from it. Of what may be
 * a token or a seal it is told that it is there.
 */
export function brief(request) {
  const { headers } = request;
  let text = request.method + "\n" + request.url + "\n";
  for (const name of ["cf-connecting-ip", "cf-ipcountry", "cookie", "origin"]) {
    const value = headers.get(name);
    if (value !== null) text += name + "\0" + value + "\n";
  }
  for (const name of ["authorization", "apikey", "signature-input"]) {
    if (headers.has(name)) text += name + "\0?\n";
  }
  return text;
}

/** Where the platform places the client: continent, a space, autonomous system. */
export function place(request) {
  const { continent = "", asn = "" } = request.cf ?? {};
  return continent + " " + asn;
}

/** Name NUL value, a line per header; several Set-Cookie stay several. */
function append(headers, text) {
  for (const line of text.split("\n")) {
    const at = line.indexOf("\0");
    if (at > 0) headers.append(line.slice(0, at), line.slice(at + 1));
  }
}

function headersFrom(text) {
  const headers = new Headers();
  append(headers, text);
  return headers;
}

function headersOf(response) {
  let text = "";
  for (const [name, value] of response.headers) text += name + "\0" + value + "\n";
  return text;
}

/**
 * Headers that do not change from answer to answer, by number: their text crosses once, and
 * copying a set costs less than filling one.
 */
const fixedSets = new Map();

/** Keeps a set under a number; `isFirst`: all others are forgotten. */
export function keep(number, text, isFirst) {
  if (isFirst) fixedSets.clear();
  fixedSets.set(number, headersFrom(text));
}

/** A response with headers that are alike for many answers and headers of its own. */
export function answer(status, fixed, own, body) {
  const response = new Response(body, { status, headers: fixedSets.get(fixed) });
  append(response.headers, own);
  return response;
}

/** The same with the body of another response, as it comes. */
export function relay(status, fixed, own, from) {
  const bodiless = status === 204 || status === 205 || status === 304;
  return answer(status, fixed, own, bodiless ? null : from.body);
}

/** The whole body as bytes; `null` when it is longer than `limit`. */
export async function readBody(message, limit) {
  const declared = Number(message.headers.get("content-length"));
  if (declared > limit) return null;
  if (declared > 0) return new Uint8Array(await message.arrayBuffer());
  if (!message.body) return new Uint8Array(0);
  const chunks = [];
  let length = 0;
  for await (const chunk of message.body) {
    length += chunk.length;
    if (length > limit) return null; // leaving the loop cancels the stream
    chunks.push(chunk);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** How much of a streamed body is in memory at a time. */
const PIECE_BYTES = 65536;

/**
 * Hands a body to `inspector` and then to the origin, piece by piece. The last piece is
 * handed on only when all was inspected, so that nothing that is refused arrives as a whole.
 * Rejects with "blocked", "too long", "ended" (by the client), or "unsent".
 */
async function pump(body, writable, declared, limit, inspector, clock) {
  const reader = body.getReader({ mode: "byob" });
  const writer = writable.getWriter();
  let buffer = new ArrayBuffer(PIECE_BYTES);
  let length = 0;
  let fault = "ended";
  try {
    for (;;) {
      const { done, value } = await reader.read(new Uint8Array(buffer));
      if (done) break;
      length += value.length;
      const isLast = length === declared;
      fault = "too long";
      if (length > limit) throw fault;
      fault = "blocked";
      if (inspector.push(value) || (isLast && inspector.finish())) throw fault;
      fault = "unsent";
      clock.start();
      await writer.write(value);
      clock.stop();
      buffer = value.buffer;
      fault = "ended";
    }
    fault = "blocked";
    if (inspector.finish()) throw fault;
    fault = "unsent";
    clock.start();
    await writer.close();
  } catch {
    reader.cancel(fault).catch(() => {});
    writer.abort(fault).catch(() => {});
    throw fault;
  } finally {
    inspector.free();
  }
}

/**
 * Sends the request's body as it comes, inspected. The timeout is for the origin alone: it
 * does not run while the client is waited for. Resolves as `send` does; rejects also with
 * the faults of `pump`.
 */
export async function sendInspected(url, method, headers, request, timeoutMs, limit, inspector) {
  const abort = new AbortController();
  let timer = null;
  let isLate = false;
  const clock = {
    stop() {
      clearTimeout(timer);
    },
    start() {
      clearTimeout(timer);
      timer = setTimeout(() => ((isLate = true), abort.abort()), timeoutMs);
    },
  };
  const header = request.headers.get("content-length");
  const declared = header === null ? null : Number(header);
  const { readable, writable } =
    declared === null ? new IdentityTransformStream() : new FixedLengthStream(declared);
  let fault = null;
  const pumped = pump(request.body, writable, declared, limit, inspector, clock).catch((why) => {
    if (why === "unsent") return; // an answer before the end, or none: `fetch` says which
    fault = why;
    abort.abort();
  });
  try {
    const response = await fetch(url, {
      method,
      headers: headersFrom(headers),
      body: readable,
      redirect: "manual",
      cache: "no-store",
      signal: abort.signal,
    });
    if (fault !== null) throw fault;
    return [response.status, headersOf(response), response];
  } catch (why) {
    await pumped;
    throw fault ?? (isLate ? "timeout" : String(why));
  } finally {
    clock.stop();
  }
}

/** Resolves to [status, headers, response]; rejects with "timeout" or another fault. */
export async function send(url, method, headers, body, timeoutMs) {
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), timeoutMs);
  try {
    const response = await fetch(url, {
      method,
      headers: headersFrom(headers),
      body: body ?? undefined,
      redirect: "manual",
      // The platform caches what looks static, for everybody: it knows no identity.
      cache: "no-store",
      signal: abort.signal,
    });
    return [response.status, headersOf(response), response];
  } catch (fault) {
    throw abort.signal.aborted ? "timeout" : String(fault);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves after a while. */
export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** An object's answer to a question; in a list, the promise of it when it does not come in time. */
export async function ask(namespace, name, question, budgetMs) {
  let timer;
  const asked = namespace.getByName(name).ask(question);
  const late = new Promise((resolve) => (timer = setTimeout(resolve, budgetMs, [asked])));
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Lets a promise settle after the answer. */
export function later(context, promise) {
  context.waitUntil(promise);
}
