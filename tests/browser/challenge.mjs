// A browser in front of the challenge. Prints one JSON object of what it saw.
//
//   node challenge.mjs CHROMIUM URL [--no-script] [--no-post] [--locale TAG] [--screenshot FILE]
//
// --no-script   with JavaScript off
// --no-post     the solution does not arrive
import { chromium } from "playwright-core";

const [executablePath, url, ...options] = process.argv.slice(2);
const has = (name) => options.includes(name);
const value = (name) => (has(name) ? options[options.indexOf(name) + 1] : undefined);

// Chromium's sandbox does not start as root, and in many containers. Only our own page is opened.
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
try {
  const context = await browser.newContext({
    javaScriptEnabled: !has("--no-script"),
    locale: value("--locale") ?? "en-US",
    viewport: { width: 390, height: 700 },
  });
  const page = await context.newPage();
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => complaints.push(message.text()));
  const hosts = new Set();
  page.on("request", (request) => hosts.add(new URL(request.url()).host));
  if (has("--no-post")) await page.route("**/_gapura/challenge", (route) => route.abort());

  const began = performance.now();
  const letIn = page
    .waitForResponse((answer) => answer.request().isNavigationRequest() && answer.ok(), { timeout: 20_000 })
    .catch(() => null);
  const first = await page.goto(url);
  const heading = await page.getByRole("heading").first().textContent({ timeout: 2_000 }).catch(() => null);
  const lang = await page.locator("html").getAttribute("lang");

  let last = null;
  if (has("--no-script")) await page.waitForTimeout(1_500);
  else if (has("--no-post")) await page.getByRole("link").waitFor();
  else last = await letIn;
  const took_ms = Math.round(performance.now() - began);
  await page.waitForLoadState();

  const text = await page.locator("body").innerText();
  const snapshot = await page.locator("body").ariaSnapshot();
  // What an application would ask afterwards, with this browser's cookies.
  const fetched = last && (await context.request.post(new URL("/echo/api", url).href, { data: {} })).status();
  if (value("--screenshot")) await page.screenshot({ path: value("--screenshot") });
  const cookies = await context.cookies();
  const seen = { first: first.status(), last: last?.status() ?? null, lang, heading, took_ms, text, snapshot, fetched };
  console.log(JSON.stringify({ ...seen, cookies, complaints, hosts: [...hosts] }));
} finally {
  await browser.close();
}
