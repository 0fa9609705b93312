// Refusals that Wasm has repeated: to one client, so often and for so long as it says. What is
// refused and what counts is decided there; a request that is not like the one refused goes there.

/** Clients at a time: the one that has been repeated to for longest makes room. */
const MAX_REPEATED = 1024;

/** By the client's address as the platform writes it. */
const repeated = new Map();

/** A path is what follows the first slash of these: scheme and host have none. */
const pathAt = (url) => url.indexOf("/", url.indexOf("://") + 3);

/**
 * Has `response` repeated without its body, its id with it. To the same method and URL, whatever
 * its query; with a `barred` path, to all requests but those below it.
 */
export function begin(request, response, times, from, until, barred) {
  const address = request.headers.get("cf-connecting-ip");
  // One object answers them all: only a body is of a request, and used up by sending it.
  const answer = new Response(null, response);
  answer.headers.delete("content-type");
  const entry = {
    address,
    answer,
    used: 0,
    times,
    from,
    until,
    barred,
    method: request.method,
    url: request.url.split("?", 1)[0],
  };
  repeated.delete(address);
  if (repeated.size >= MAX_REPEATED) repeated.delete(repeated.keys().next().value);
  repeated.set(address, entry);
  return entry;
}

/** Ends it; how often it was repeated. */
export function end(entry) {
  if (repeated.get(entry.address) === entry) repeated.delete(entry.address);
  return entry.used;
}

function fits(entry, request) {
  const now = Date.now();
  if (entry.used >= entry.times || now < entry.from || now >= entry.until) return false;
  const { url } = request;
  if (entry.barred !== undefined) return !url.startsWith(entry.barred, pathAt(url));
  if (request.method !== entry.method || !url.startsWith(entry.url)) return false;
  return url.length === entry.url.length || url[entry.url.length] === "?";
}

/** The refusal of a request, if it is to be repeated. */
function repeat(request) {
  if (repeated.size === 0) return undefined;
  const { headers } = request;
  const entry = repeated.get(headers.get("cf-connecting-ip"));
  // What a page may read of an answer depends on its origin.
  if (entry === undefined || headers.has("origin") || !fits(entry, request)) return undefined;
  entry.used += 1;
  return entry.answer;
}

export const repeater = () => repeat;
