(() => {
  "use strict";
  const main = document.querySelector("main");
  const progress = document.querySelector("progress");
  const { puzzle } = main.dataset;
  const [bits, , , tag] = puzzle.split(".");

  function say(what) {
    document.getElementById("status").textContent = main.dataset[what];
    progress.hidden = what !== "working";
    document.getElementById("again").hidden = what !== "failed" && what !== "cookies";
  }

  // SHA-256 (FIPS 180-4) of the tag and a number: one block, of which the first word is wanted.
  const primes = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p)) primes.push(n);
  const fraction = (x) => ((x - Math.floor(x)) * 4294967296) | 0;
  const K = Int32Array.from(primes, (p) => fraction(Math.cbrt(p)));
  const H = Int32Array.from(primes.slice(0, 8), (p) => fraction(Math.sqrt(p)));
  const W = new Int32Array(64);
  for (let i = 0; i < 8; i++) W[i] = parseInt(tag.slice(8 * i, 8 * i + 8), 16);
  W[9] = 0x80000000;
  W[15] = 288;

  function digest(number) {
    W[8] = number;
    for (let i = 16; i < 64; i++) {
      const x = W[i - 15];
      const y = W[i - 2];
      W[i] =
        W[i - 16] + W[i - 7] +
        (((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)) +
        (((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10));
    }
    let a = H[0];
    let b = H[1];
    let c = H[2];
    let d = H[3];
    let e = H[4];
    let f = H[5];
    let g = H[6];
    let h = H[7];
    for (let i = 0; i < 64; i++) {
      const s = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t = (h + s + ((e & f) ^ (~e & g)) + K[i] + W[i]) | 0;
      const u = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      h = g;
      g = f;
      f = e;
      e = (d + t) | 0;
      d = c;
      c = b;
      b = a;
      a = (t + u + ((b & c) ^ (b & d) ^ (c & d))) | 0;
    }
    return H[0] + a;
  }

  // Whether this page let the same tab in a moment ago: something keeps the cookie away.
  function loops() {
    try {
      const before = Number(sessionStorage.getItem("gapura-challenge"));
      sessionStorage.setItem("gapura-challenge", Date.now());
      return Date.now() - before < 10000;
    } catch {
      return true;
    }
  }

  async function send(number) {
    try {
      const answer = await fetch("/_gapura/challenge", { method: "POST", body: puzzle + ":" + number });
      if (!answer.ok) return say("failed");
    } catch {
      return say("failed");
    }
    if (loops()) return say("cookies");
    say("done");
    location.reload();
  }

  let number = 0;
  function work() {
    const pause = performance.now() + 40;
    do {
      for (let i = 0; i < 512; i++, number++) if (Math.clz32(digest(number)) >= bits) return send(number);
    } while (performance.now() < pause);
    progress.value = 1 - Math.exp(-number / 2 ** bits);
    setTimeout(work);
  }

  if (!navigator.cookieEnabled) return say("cookies");
  say("working");
  work();
})();
