import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, expect, test } from "vitest";
import { ask } from "./ask.ts";
import { Part } from "./part.ts";
import { HOST, PortFinder } from "./ports.ts";

/** A server that answers with its own process id, and ends as its path says. */
const SERVER = `
  const { createServer } = require("node:http");
  createServer((request, response) => {
    if (request.url === "/die") process.exit(3);
    response.end(String(process.pid));
  }).listen(Number(process.argv[1]), "${HOST}");
`;

const parts: Part[] = [];
afterEach(async () => {
  await Promise.all(parts.splice(0).map((part) => part.stop()));
});

function start(script: string, port: number, log: (text: string) => void = () => {}): Part {
  const part = new Part({ name: "server", program: process.execPath, args: ["-e", script, `${port}`] }, log);
  parts.push(part);
  part.start();
  return part;
}

async function freePort(): Promise<number> {
  const finder = new PortFinder();
  const port = await finder.find(0);
  await finder.release();
  return port;
}

async function until(what: () => Promise<boolean>): Promise<void> {
  await expect.poll(what, { timeout: 10_000 }).toBe(true);
}

const pidAt = async (port: number) => Number((await ask(`http://${HOST}:${port}/`))?.text ?? 0);

test("what dies comes back at the same address", async () => {
  const port = await freePort();
  const part = start(SERVER, port);
  await part.ready(async () => (await pidAt(port)) !== 0);
  const first = await pidAt(port);
  expect(part.pid).toBe(first);
  await ask(`http://${HOST}:${port}/die`);
  await until(async () => ![0, first].includes(await pidAt(port)));
  expect(part.pid).toBe(await pidAt(port));
});

test("what cannot start is not started again, and its name is told", async () => {
  const messages: string[] = [];
  const part = start("process.exit(7)", 0, (text) => messages.push(text));
  await expect(part.ready(async () => false)).rejects.toThrow("server ended before it was ready");
  // Longer than the pause before a restart.
  await sleep(300);
  expect(messages).toEqual(["server ended (exit code 7)"]);
});

test("a program that does not exist is told", async () => {
  const messages: string[] = [];
  const part = new Part({ name: "ghost", program: "/does/not/exist", args: [] }, (text) => messages.push(text));
  part.start();
  await expect(part.ready(async () => false)).rejects.toThrow("ghost ended before it was ready");
  expect(messages[0]).toContain("ghost cannot be started");
});

test("what is silent for too long is given up", async () => {
  const part = start("setInterval(() => {}, 1000)", 0);
  await expect(part.ready(async () => false, 100)).rejects.toThrow("server did not answer within 0.1 s");
});

test("a stopped part is gone and stays gone", async () => {
  const port = await freePort();
  const part = start(SERVER, port);
  await part.ready(async () => (await pidAt(port)) !== 0);
  await part.stop();
  expect(part.pid).toBeUndefined();
  expect(await pidAt(port)).toBe(0);
});

test("a killed part takes with it what it has started, and comes back at the same address", async () => {
  const port = await freePort();
  // As an nginx, whose workers hold its address.
  const master = `
    const { spawn } = require("node:child_process");
    spawn(process.execPath, ["-e", ${JSON.stringify(SERVER)}, process.argv[1]], { stdio: "inherit" }).on("exit", (code) => process.exit(code));
  `;
  const part = start(master, port);
  await part.ready(async () => (await pidAt(port)) !== 0);
  const worker = await pidAt(port);
  expect(part.pid).not.toBe(worker);
  process.kill(part.pid ?? 0, "SIGKILL");
  await until(async () => ![0, worker].includes(await pidAt(port)));
});

test("a retired part ends by itself and stays gone", async () => {
  const port = await freePort();
  const messages: string[] = [];
  const script = `${SERVER} process.on("SIGQUIT", () => setTimeout(() => process.exit(), 300));`;
  const part = start(script, port, (text) => messages.push(text));
  await part.ready(async () => (await pidAt(port)) !== 0);
  part.retire("SIGQUIT");
  expect(await pidAt(port)).toBe(part.pid);
  await until(async () => part.pid === undefined);
  await part.stop();
  expect(await pidAt(port)).toBe(0);
  expect(messages).toEqual([]);
});

test("a part ends when the process that keeps it is killed", async () => {
  const port = await freePort();
  const part = fileURLToPath(new URL("part.ts", import.meta.url));
  const command = JSON.stringify({ name: "server", program: process.execPath, args: ["-e", SERVER, `${port}`] });
  const keeper = `import { Part } from ${JSON.stringify(part)}; new Part(${command}, console.error).start();`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", keeper], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  await until(async () => (await pidAt(port)) !== 0);
  child.kill("SIGKILL");
  await once(child, "close");
  await until(async () => (await pidAt(port)) === 0);
});
