// A real network for the tests: four validators as processes, and the command line to fill it.
import { execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { bech32m } from "@scure/base";

const run = promisify(execFile);
export const scrip = process.env.SCRIP ?? path.join(import.meta.dirname, "../../bin/scrip");

const readyMs = 90_000;
const portTries = 50;

/** listen takes a port, and returns how to leave it, or nothing if it is somebody's. */
function listen(port) {
  return new Promise((resolve) => {
    const s = createServer().unref();
    s.once("error", () => resolve(undefined));
    s.listen(port, "127.0.0.1", () => resolve(() => new Promise((left) => s.close(left))));
  });
}

async function free(port) {
  const leave = await listen(port);
  await leave?.();
  return leave !== undefined;
}

/**
 * basePort finds room for a network: validators have ports base, base+10, and so on. Files of tests run
 * beside one another: who listens at base+99 has them all until it leaves.
 */
async function basePort() {
  for (let i = 0; i < portTries; i++) {
    const base = 20_000 + 100 * Math.floor(Math.random() * 300);
    const leave = await listen(base + 99);
    if (!leave) continue;
    const wanted = [0, 1, 5, 6, 7, 10, 11, 20, 21, 30, 31].map((d) => base + d);
    if ((await Promise.all(wanted.map(free))).every(Boolean)) return { base, leave };
    leave();
  }
  throw new Error("no ports are free");
}

/**
 * startNetwork starts a demonstration network; options are flags of `scrip demo`. An object
 * before them may name a folder that holds a network already, and is left as it is.
 */
export async function startNetwork(...options) {
  const known = typeof options[0] === "object" ? options.shift().state : undefined;
  const { base: port, leave } = await basePort();
  const dir = await mkdtemp(path.join(tmpdir(), "scrip-e2e-"));
  const state = known ?? path.join(dir, "state");
  const demo = spawn(scrip, ["demo", "--port", String(port), "--state", state, ...options], {
    env: { ...process.env, SCRIP_HOME: path.join(dir, "home") },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  const ended = new Promise((resolve) => demo.once("exit", resolve));
  const ready = new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the network is not ready:\n${out}`)), readyMs);
    const read = (chunk) => {
      out += chunk;
      if (!/DEMO KEYS ARE PUBLIC/.test(out)) return;
      clearTimeout(timer);
      resolve();
    };
    demo.stdout.on("data", read);
    demo.stderr.on("data", (chunk) => {
      out += chunk;
    });
    void ended.then(() => reject(new Error(`the network ended:\n${out}`)));
  });
  const stop = async () => {
    demo.kill("SIGINT");
    await ended;
    await leave();
    await rm(dir, { recursive: true, force: true });
  };
  await ready.catch(async (e) => {
    await stop();
    throw e;
  });
  const nodes = [0, 1, 2, 3].map((i) => `http://127.0.0.1:${port + 10 * i}`);
  const keys = path.join(state, "keys");
  // Commands remember the heights of chains; a crowd's chain is the same in every run.
  const env = { ...process.env, XDG_CACHE_HOME: path.join(dir, "cache") };
  const cli = async (...args) => {
    const { stdout } = await run(
      scrip,
      [
        "--home",
        path.join(dir, "home"),
        "--genesis",
        path.join(state, "genesis.json"),
        ...nodes.flatMap((n) => ["--node", n]),
        ...args,
      ],
      { env },
    );
    return stdout;
  };
  // order ends one validator, as a power cut would, or starts it again.
  const order = (act) => (i) => run(scrip, ["demo", act, String(i), "--port", String(port)]);
  return {
    port,
    dir,
    state,
    nodes,
    kill: order("kill"),
    start: order("start"),
    text: () => out,
    links: () => linksOf(out),
    cli,
    stop,
    seed: async (name) => seedOf(await readFile(path.join(keys, `${name}.key`), "utf8")),
  };
}

/** linksOf are the links of the list that a demo prints, by face and name. */
function linksOf(text) {
  const urls = new Map();
  let face = "";
  for (const line of text.split("\n")) {
    const m = /^ (\S*) +(.*?) +(http:\S+)$/.exec(line);
    if (!m) continue;
    face = m[1] || face;
    urls.set(`${face} ${m[2]}`.trim(), m[3]);
  }
  return urls;
}

/** seedOf reads the seed of an unencrypted key file. */
function seedOf(text) {
  const line = text.split("\n").find((l) => l.startsWith("secret: "));
  const { words } = bech32m.decode(line.slice("secret: ".length).trim(), 200);
  return Buffer.from(bech32m.fromWords(words)).toString("base64url");
}

/** publish opens a campaign by the command line and returns its number. */
export async function publish(network, flags, signer) {
  const out = await network.cli("campaign", "publish", ...flags, "--sign", signer, "--yes", "-o", "json");
  const campaign = JSON.parse(out).campaign ?? JSON.parse(out).effect?.campaign;
  if (!campaign) throw new Error(`no campaign in ${out}`);
  return campaign;
}

/** tickets makes links to the coupons of a campaign. */
export async function tickets(network, campaign, count, signer) {
  const file = path.join(network.dir, `tickets-${campaign}-${Math.random().toString(36).slice(2)}`);
  const flags = ["--sign", signer, "--unencrypted", "--out", file];
  const issue = () => network.cli("ticket", "issue", String(campaign), String(count), ...flags);
  // Another node may have proven the campaign only a moment later than the one that took it.
  await issue().catch(() => new Promise((resolve) => setTimeout(resolve, 1000)).then(issue));
  return (await readFile(file, "utf8")).trim().split("\n");
}
