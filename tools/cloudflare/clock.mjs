// Runs a cron Worker in Cloudflare's runtime and keeps its clock: `node clock.mjs FOLDER`.
//
// FOLDER holds worker.js and clock.json: {interval, cron, url, token, authority}, or will: started before them, this
// process loads the runtime and waits. Written are runtime.json once the Worker is ready, and a line in ticks.jsonl for
// each tick. The first tick comes at once; SIGUSR2 asks for another.

import { once } from "node:events";
import { existsSync, readFileSync, renameSync, watch, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import http from "node:http";
import https from "node:https";
import path from "node:path";
import process from "node:process";
import { createHash } from "node:crypto";

const HERE = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
const KEPT = 200; // ticks
const COMPATIBILITY = "2026-07-01";
const UNREACHABLE = 521; // what Cloudflare answers a Worker whose origin is down

let ask = () => {};
process.on("SIGUSR2", () => ask()); // at once: without a handler the signal would end this process

// By require: import would first search the library's four megabytes for the names that it exports.
const require = createRequire(import.meta.url);
const { Miniflare, Response } = require("miniflare");
process.env.PITCHBAR_WORKERD = createRequire(require.resolve("miniflare"))("workerd").default;
process.env.MINIFLARE_WORKERD_PATH = path.join(HERE, "workerd.sh");

const folder = process.argv[2];
const settings = path.join(folder, "clock.json");
await written(settings);
const config = JSON.parse(readFileSync(settings, "utf8"));
const script = readFileSync(path.join(folder, "worker.js"), "utf8");
const origin = new URL(config.url);
const authority = config.authority ? readFileSync(config.authority) : undefined;

let answer; // the app's last one
let turn = Promise.resolve();

// Until the file is there.
async function written(file) {
  const changes = watch(path.dirname(file));
  while (!existsSync(file)) {
    await once(changes, "change");
  }
  changes.close();
}

// The names of this environment lead to this machine; nothing else can be reached.
async function toTheApp(request) {
  const url = new URL(request.url);
  if (url.host !== origin.host) {
    return new Response(`${url.host} can't be reached from here.`, { status: UNREACHABLE });
  }
  const body = Buffer.from(await request.arrayBuffer());
  try {
    answer = await send(url, request.method, Object.fromEntries(request.headers), body);
  } catch (error) {
    answer = { status: UNREACHABLE, body: `The app does not answer: ${error.code ?? error.message}` };
  }
  return new Response(answer.body, { status: answer.status });
}

function send(url, method, headers, body) {
  const lookup = (_host, options, done) =>
    options.all ? done(null, [{ address: "127.0.0.1", family: 4 }]) : done(null, "127.0.0.1", 4);
  const options = { method, headers: { ...headers, host: url.host }, lookup, ca: authority, timeout: 10_000 };
  return new Promise((resolve, reject) => {
    const request = (url.protocol === "https:" ? https : http).request(url, options, (response) => {
      const parts = [];
      response.on("data", (part) => parts.push(part));
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode, body: Buffer.concat(parts).toString() }));
    });
    request.on("timeout", () => request.destroy(new Error("no answer within 10 s")));
    request.on("error", reject);
    request.end(body);
  });
}

// One tick after the other, each with its own answer.
function tick(cause) {
  const at = new Date().toISOString();
  turn = turn.then(() => sendTick(cause, at));
  return turn;
}

async function sendTick(cause, at) {
  answer = undefined;
  const { outcome } = await (await worker).scheduled({ cron: config.cron, scheduledTime: new Date() });
  record({ at, cause, ok: outcome === "ok", status: answer?.status ?? null, ...told(answer?.body) });
}

// The pass that the app named, or its reason for naming none.
function told(body) {
  try {
    const { id = null, running = false, error = null } = JSON.parse(body);
    return { pass: id, running, error };
  } catch {
    return { pass: null, running: false, error: body ?? "The Worker sent no request." };
  }
}

function record(entry) {
  const file = path.join(folder, "ticks.jsonl");
  const before = existsSync(file) ? readFileSync(file, "utf8").trimEnd().split("\n").slice(1 - KEPT) : [];
  write(file, [...before, JSON.stringify(entry)].filter(Boolean).join("\n"));
  console.log(`tick ${entry.ok ? "ok" : "FAILED"}: ${entry.status} ${entry.pass ?? entry.error}`);
}

function write(file, text) {
  writeFileSync(`${file}.draft`, `${text}\n`, { mode: 0o600 });
  renameSync(`${file}.draft`, file);
}

// A runtime that is gone takes this process along; its supervisor starts both again.
function leave(error) {
  console.error(`Cloudflare's runtime is gone: ${error?.message ?? error}`);
  process.exit(1);
}

function children() {
  return readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, "utf8");
}

function keepTime() {
  const period = config.interval * 1000;
  setTimeout(() => {
    keepTime();
    tick("clock").catch(leave);
  }, period - (Date.now() % period));
}

const runtime = new Miniflare({
  name: "queue-tick",
  modules: true,
  script,
  bindings: { INTERNAL_QUEUE_TOKEN: config.token },
  compatibilityDate: COMPATIBILITY,
  host: "127.0.0.1",
  port: 0,
  outboundService: toTheApp,
});
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, () => runtime.dispose().finally(() => process.exit(0)));
}
await runtime.ready;
const worker = runtime.getWorker(); // the first tick waits for it, whoever waits for runtime.json does not
ask = () => tick("asked for").catch(leave);
write(
  path.join(folder, "runtime.json"),
  JSON.stringify({ pid: process.pid, script: createHash("sha256").update(script).digest("hex") }),
);
const started = children(); // another one, which Miniflare may start by itself, does not know the Worker
setInterval(() => children() === started || leave("its process has ended"), 500);
keepTime();
tick("deployment").catch(leave);
