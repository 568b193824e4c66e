/** A network of four validators for a test: real processes, on loopback. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { program } from "./vectors.ts";

/** A running network. */
export interface Network {
  /** Addresses of the nodes, in the order of the replicas. */
  nodes: string[];
  stop: () => Promise<void>;
}

const startMaxMs = 60_000;

/** A port below which so many further ones are free too, as far as can be told. */
async function freePorts(): Promise<number> {
  for (let i = 0; i < 50; i++) {
    const base = 20_000 + 100 * Math.floor(Math.random() * 400);
    const free = await Promise.all([0, 1, 5, 10, 11, 20, 21, 30, 31].map((offset) => isFree(base + offset)));
    if (free.every(Boolean)) return base;
  }
  throw new Error("no free ports");
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const s = createServer();
    s.once("error", () => resolve(false));
    s.listen(port, "127.0.0.1", () => s.close(() => resolve(true)));
  });
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.once("exit", () => resolve());
  });
}

/** Starts a demonstration network; args are further ones for the program. */
export async function startNetwork(...args: string[]): Promise<Network> {
  const base = await freePorts();
  const home = mkdtempSync(join(tmpdir(), "scrip-sdk-net-"));
  const child = spawn(program(), ["demo", "--port", String(base), "--home", home, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const stop = async (): Promise<void> => {
    child.kill("SIGINT");
    await ended(child);
    rmSync(home, { recursive: true, force: true });
  };
  const ready = new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the network is not ready:\n${output}`)), startMaxMs);
    const read = (chunk: Buffer): void => {
      output += chunk.toString();
      if (!/ ready in /.test(output)) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.once("exit", (code) => {
      clearTimeout(timer);
      reject(new Error(`the network ended with ${code}:\n${output}`));
    });
  });
  try {
    await ready;
  } catch (e) {
    await stop();
    throw e;
  }
  return { nodes: [0, 10, 20, 30].map((offset) => `http://127.0.0.1:${base + offset}`), stop };
}
