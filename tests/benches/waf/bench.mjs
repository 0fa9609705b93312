// `./scripts/bench waf`: the firewall beside nginx with ModSecurity and the OWASP Core Rule Set, in
// CPU time per request. Wall time plays no part, so that a busy machine changes little.
//
// nginx's cost is what its worker used for the same requests with the rules less without them.
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [native, wasm] = process.argv.slice(2);
const REQUESTS = [
  { name: "browser GET, three parameters", number: 0, size: 0, goal: 100, native: 50000, wasm: 10000, nginx: 300 },
  { name: "JSON POST, 2 KB", number: 1, size: 2048, goal: 300, native: 8000, wasm: 2000, nginx: 60 },
  { name: "JSON POST, 100 KB", number: 1, size: 102400, goal: 10000, native: 200, wasm: 60, nginx: 6 },
];
const MODULE = "/usr/lib/nginx/modules/ngx_http_modsecurity_module.so";
const RULES = "/usr/share/modsecurity-crs/rules";

const text = (program, ...args) => execFileSync(program, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"], maxBuffer: 1 << 26 });
const us = (value) => (value >= 1000 ? `${(value / 1000).toFixed(2)} ms` : `${value.toFixed(1)} µs`);

// ---- ours ----
const costNative = ({ number, size, native: times }) => Number(text(native, String(number), String(size), String(times)).split(" ")[1]);

const stub = new Proxy({}, { get: () => new Proxy({}, { get: () => () => 0 }) });
const { instance } = await WebAssembly.instantiate(readFileSync(wasm), stub);
function costWasm({ number, size, wasm: times }) {
  // Twice before, for the engine's optimising compiler.
  for (let warm = 0; warm < 2; warm++) instance.exports.run(number, size, Math.ceil(times / 10));
  const start = process.cpuUsage();
  instance.exports.run(number, size, times);
  const used = process.cpuUsage(start);
  return (used.user + used.system) / times;
}

/**
 * CPU time of a fresh instance in the engine's first compiler, which is what a cold isolate runs: its
 * making, and the first request beyond the second, that is the tables built on first use.
 */
function costStart() {
  const program = `const bytes = require("fs").readFileSync(process.argv[1]);
const stub = new Proxy({}, { get: () => new Proxy({}, { get: () => () => 0 }) });
const module = new WebAssembly.Module(bytes);
const used = (what) => { const start = process.cpuUsage(); what(); const { user, system } = process.cpuUsage(start); return user + system; };
let run;
const made = used(() => { run = new WebAssembly.Instance(module, stub).exports.run; });
const [first, second] = [used(() => run(0, 0, 1)), used(() => run(0, 0, 1))];
console.log(made, first - second);`;
  const flags = ["--liftoff-only", "--no-wasm-lazy-compilation", "--single-threaded"];
  const tries = Array.from({ length: 5 }, () => text(process.execPath, ...flags, "-e", program, wasm).split(" ").map(Number));
  return { made: Math.min(...tries.map(([made]) => made)), tables: Math.min(...tries.map(([, tables]) => tables)) };
}

/** Instructions of one inspection, and its bytes; null without valgrind. */
function instructions(number, size) {
  try {
    const out = join(folder, "callgrind");
    const [length] = text("valgrind", "-q", "--tool=callgrind", `--callgrind-out-file=${out}`, "--collect-atstart=no",
      "--toggle-collect=gapura_waf_cost::inspect", native, String(number), String(size), "0").split(" ");
    const count = Number(/^(?:summary|totals): (\d+)/m.exec(readFileSync(out, "utf8"))[1]);
    return { count, length: Number(length) };
  } catch {
    return null;
  }
}

// ---- theirs ----
const folder = mkdtempSync(join(tmpdir(), "gapura-bench-"));
const freePort = () => new Promise((done) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    server.close(() => done(port));
  });
});

async function startNginx(rules) {
  const [port, upstream] = [await freePort(), await freePort()];
  const root = mkdtempSync(join(folder, "nginx-"));
  writeFileSync(join(root, "rules.conf"), `SecRuleEngine On
SecRequestBodyAccess On
SecRequestBodyLimit 13107200
SecRequestBodyNoFilesLimit 1310720
SecResponseBodyAccess Off
SecAuditEngine Off
SecRule REQUEST_HEADERS:Content-Type "^application/json" "id:200001,phase:1,t:none,t:lowercase,pass,nolog,ctl:requestBodyProcessor=JSON"
Include /etc/modsecurity/crs/crs-setup.conf
Include ${RULES}/*.conf
`);
  writeFileSync(join(root, "nginx.conf"), `load_module ${MODULE};
daemon off; worker_processes 1; pid ${root}/pid; error_log ${root}/error.log crit;
events { worker_connections 64; }
http {
  access_log off; client_max_body_size 10m; client_body_buffer_size 1m; keepalive_requests 100000;
  client_body_temp_path ${root}/body; proxy_temp_path ${root}/proxy; fastcgi_temp_path ${root}/f; uwsgi_temp_path ${root}/u; scgi_temp_path ${root}/s;
  ${rules ? `modsecurity on; modsecurity_rules_file ${root}/rules.conf;` : ""}
  server { listen 127.0.0.1:${port}; location / { proxy_pass http://127.0.0.1:${upstream}; } }
  server { listen 127.0.0.1:${upstream}; modsecurity off; location / { return 200 "ok"; } }
}
`);
  const child = spawn("nginx", ["-p", root, "-c", join(root, "nginx.conf")], { stdio: "ignore" });
  for (let tries = 0; ; tries++) {
    await new Promise((done) => setTimeout(done, 100));
    if (await send(port, sentOf(REQUESTS[0])).catch(() => 0)) break;
    if (tries > 100 || child.exitCode !== null) throw new Error(`nginx does not start: ${readFileSync(join(root, "error.log"), "utf8")}`);
  }
  const worker = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim().split(" ")[0];
  return { child, port, worker };
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const send = (port, { method, target, headers, body }) => new Promise((done, failed) => {
  const request = http.request({ host: "127.0.0.1", port, agent, method, path: target, headers }, (answer) => {
    answer.resume();
    answer.on("end", () => done(answer.statusCode));
  });
  request.on("error", failed);
  request.end(body);
});

/** The request that the engine inspects under this number. */
function sentOf({ number, size }) {
  return JSON.parse(text(native, "show", String(number), String(size)));
}

const cpuMs = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
};

async function costNginx(server, request) {
  const sent = sentOf(request);
  const status = await send(server.port, sent);
  const start = cpuMs(server.worker);
  for (let n = 0; n < request.nginx; n++) await send(server.port, sent);
  return { cost: ((cpuMs(server.worker) - start) * 1000) / request.nginx, status };
}

async function theirs() {
  if (!existsSync(MODULE) || !existsSync(RULES)) return null;
  const servers = [];
  try {
    for (const rules of [true, false]) servers.push(await startNginx(rules));
    const costs = [];
    for (const request of REQUESTS) {
      const [guarded, plain] = [await costNginx(servers[0], request), await costNginx(servers[1], request)];
      costs.push({ cost: guarded.cost - plain.cost, status: guarded.status });
    }
    return costs;
  } finally {
    for (const { child } of servers) child.kill("SIGTERM");
    agent.destroy();
  }
}

try {
  const peer = await theirs();
  console.log("| request | engine, native | engine, Wasm | Wasm / native | ModSecurity + CRS | theirs / ours |");
  console.log("|---|---:|---:|---:|---:|---:|");
  for (const [at, request] of REQUESTS.entries()) {
    const [ours, web] = [costNative(request), costWasm(request)];
    const their = peer?.[at];
    console.log(`| ${request.name} | ${us(ours)} | ${us(web)} (goal ${us(request.goal)}) | ${(web / ours).toFixed(2)} | ` +
      `${their ? `${us(their.cost)} (answered ${their.status})` : "not installed"} | ${their ? (their.cost / ours).toFixed(0) : "-"} |`);
  }
  const start = costStart();
  console.log(`| start: instance, then tables on first use | - | ${us(start.made)} + ${us(start.tables)} (goal ${us(10000)}) | - | - | - |`);
  const versions = peer && text("dpkg-query", "-W", "-f", "${Package} ${Version}, ", "nginx", "libnginx-mod-http-modsecurity", "libmodsecurity3", "modsecurity-crs");
  console.log(`\n${peer ? `Paranoia 1, ${versions.slice(0, -2)}. ` : ""}CPU time per request; Wasm in ${process.version.replace("v", "node ")}.\n`);
  const clean = instructions(1, 102400);
  if (clean) {
    console.log(`Instructions per byte: ${(clean.count / clean.length).toFixed(0)} for the clean 100 KB of JSON.`);
    for (const line of text(native, "worst", "131072").trim().split("\n").slice(0, 3)) {
      const [number, cost, ...shape] = line.split(" ");
      const hostile = instructions(Number(number), 131072);
      console.log(`${(hostile.count / hostile.length).toFixed(0)} for 128 KB of ${shape.join(" ")} (${us(Number(cost))}).`);
    }
  } else {
    console.log("Instructions per byte: valgrind is not installed.");
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
