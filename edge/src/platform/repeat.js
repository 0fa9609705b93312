// Refusals that Wasm has repeated: to one client, so often and for so long as it says. What is
// refused and what counts is decided there; a request that is not like the one refused goes there.

/** Clients at a time: the one that has been repeated to for longest makes room. */
const MAX_REPEATED = 1024;

/**
 * So many of a refusal, which is repeated for a second at most, say why (RFC 9457); who is refused
 * more often in a second reads none of it, and a body is a fifth of what a refusal costs.
 */
const MAX_READ = 256;

/** By the client's address as the platform writes it. */
const repeated = new Map();

/**
 * The headers that are repeated. Each is a part of what a refusal costs; of the others the client
 * was told nine times, and nobody stores a 403 or 429 (RFC 9111, 4.2.2).
 */
const TOLD = [
  "content-type",
  "x-content-type-options",
  "retry-after",
  "ratelimit-policy",
  "ratelimit",
  "x-request-id",
];

/** A path is what follows the first slash of these: scheme and host have none. */
const pathAt = (url) => url.indexOf("/", url.indexOf("://") + 3);

/**
 * Has `response` repeated, its id with it. To the same method and URL, whatever its query;
 * with a `barred` path, to all requests but those below it.
 */
export function begin(request, response, body, times, from, until, barred) {
  const address = request.headers.get("cf-connecting-ip");
  // A response takes status and headers from another in fewer steps than from an object.
  const like = new Response(null, { status: response.status });
  for (const name of TOLD) {
    const value = response.headers.get(name);
    if (value !== null) like.headers.set(name, value);
  }
  // Only a body belongs to a request: without one the same object answers all.
  const bare = new Response(null, like);
  bare.headers.delete("content-type");
  const entry = {
    address,
    like,
    bare,
    body,
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
  return entry.used > MAX_READ ? entry.bare : new Response(entry.body, entry.like);
}

export const repeater = () => repeat;
