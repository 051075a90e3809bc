/** What a process left on disk is delivered by the next: all of it that can be read, each record under its own number. */
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SpoolFolder } from "../src/spool/folder.ts";
import { headLine, recordLine } from "../src/spool/lines.ts";
import { Replay } from "../src/spool/replay.ts";

interface Message {
  leases: object;
  node: string;
  epoch: string;
  records: { sequence: number }[];
}

const messages: Message[] = [];
let refusals = 0;
const control = createServer(async (message, answer) => {
  const parts: Buffer[] = [];
  for await (const part of message) parts.push(part as Buffer);
  if (refusals > 0) {
    refusals--;
    answer.writeHead(503).end();
    return;
  }
  messages.push(JSON.parse(Buffer.concat(parts).toString()));
  answer.end("{}");
});
const log = vi.fn();
const damaged = vi.fn();
let path: string;
let folder: SpoolFolder | null = null;
beforeEach(async () => {
  path = mkdtempSync(join(tmpdir(), "oneapi-spool-"));
  messages.length = 0;
  refusals = 0;
  control.listen(0, "127.0.0.1");
  await once(control, "listening");
});
afterEach(() => {
  folder?.close();
  folder = null;
  control.closeAllConnections();
  control.close();
  rmSync(path, { recursive: true, force: true });
  vi.clearAllMocks();
});

async function deliver(): Promise<void> {
  folder = await SpoolFolder.open(path);
  const controlUrl = `http://127.0.0.1:${(control.address() as AddressInfo).port}`;
  await new Replay({ folder, controlUrl, token: "t", node: "now", log, damaged }).run();
}

const line = (sequence: number, padding = "") => recordLine(Buffer.from(JSON.stringify({ sequence, padding })));
const lines = (from: number, to: number, padding = "") =>
  Array.from({ length: to - from + 1 }, (_, index) => line(from + index, padding));
const head = headLine("then", "ab");

function leave(name: string, ...parts: (Buffer | string)[]): string {
  const file = join(path, name);
  writeFileSync(file, Buffer.concat(parts.map((part) => Buffer.from(part))));
  return file;
}

const numbers = (list: Message[]) => list.flatMap(({ records }) => records.map(({ sequence }) => sequence));
const logged = () => log.mock.calls.flat().join("\n");

describe("what processes left", () => {
  it("is delivered in its order, under the node, the epoch and the numbers that it was written with, and removed", async () => {
    leave("ab-00000002.records", head, ...lines(3, 3));
    leave("ab-00000001.records", head, ...lines(1, 2));
    leave("cd-00000001.records", headLine("other", "cd"), ...lines(1, 1));
    await deliver();
    expect(messages.map(({ node, epoch, records }) => [node, epoch, records.length])).toEqual([
      ["then", "ab", 2],
      ["then", "ab", 1],
      ["other", "cd", 1],
    ]);
    expect(numbers(messages)).toEqual([1, 2, 3, 1]);
    // The control service hears of processes whose leases it may have ended long ago.
    for (const { leases } of messages) expect(leases).toEqual({ sequence: expect.any(Number), gone: true });
    expect(readdirSync(path).filter((name) => !name.endsWith(".lock"))).toEqual([]);
  });

  it("goes in messages that are not too large", async () => {
    leave("ab-00000001.records", head, ...lines(1, 501));
    leave("ab-00000002.records", head, ...lines(502, 513, "x".repeat(50_000)));
    await deliver();
    expect(messages.map(({ records }) => records.length)).toEqual([500, 1, 11, 1]);
  });

  it("waits for a control service that does not answer, which is told once", async () => {
    refusals = 2;
    const file = leave("ab-00000001.records", head, ...lines(1, 1));
    await deliver();
    expect(numbers(messages)).toEqual([1]);
    expect(existsSync(file)).toBe(false);
    expect(log.mock.calls.filter(([text]) => text.includes("503"))).toHaveLength(1);
  });
});

describe("a line", () => {
  it("that its writer died in is passed over", async () => {
    const file = leave("ab-00000001.records", head, ...lines(1, 2), line(3).subarray(0, 20));
    await deliver();
    expect(numbers(messages)).toEqual([1, 2]);
    expect(damaged).toHaveBeenCalledWith(1);
    expect(logged()).toContain("torn");
    expect(existsSync(file)).toBe(false);
  });

  it.each([
    ["changed by a digit", (text: string) => text.replace('"sequence":2', '"sequence":7')],
    ["overwritten", (text: string) => text.replace(/[0-9a-f]{8} \{"sequence":2.*/, "\0".repeat(30))],
    ["cut in two", (text: string) => text.replace('"sequence":2', '"seq\nuence":2')],
  ])("that is %s costs that record alone, and its file is kept", async (_how, change) => {
    const text = Buffer.concat([head, ...lines(1, 3)]).toString();
    const file = leave("ab-00000001.records", change(text));
    await deliver();
    expect(numbers(messages)).toEqual([1, 3]);
    expect(damaged.mock.calls[0]?.[0]).toBeGreaterThan(0);
    expect(logged()).toContain("damaged");
    expect(readFileSync(`${file}.damaged`, "utf8")).toBe(change(text));
    expect(folder?.kept).toEqual(["ab-00000001.records"]);
    expect(folder?.left).toEqual([]);
  });

  it("that should say whose records they are, and is damaged, costs none: they are this gateway's", async () => {
    leave("ab-00000001.records", "oneapi-sp\0\0\0\n", ...lines(1, 2));
    await deliver();
    expect(messages).toMatchObject([{ node: "now", epoch: "ab", records: [{ sequence: 1 }, { sequence: 2 }] }]);
  });
});

describe("a file", () => {
  it.each([
    ["of another version", "ab-00000001.records", "oneapi-spool 2 then ab\nwhatever that holds\n", "version 2"],
    ["of another name", "ab.17.records", '{"sequence":1}\n', "ab.17.records"],
  ])("%s is kept, told of, and in nobody's way", async (_what, name, text, told) => {
    const file = leave(name, text);
    leave("cd-00000001.records", head, ...lines(1, 1));
    await deliver();
    expect(numbers(messages)).toEqual([1]);
    expect(readFileSync(file, "utf8")).toBe(text);
    expect(logged()).toContain(told);
    expect(folder?.kept).toEqual([name]);
    // It takes no room from what is delivered.
    expect(folder?.leftBytes).toBe(0);
  });

  it("that cannot be read is kept, told of, and in nobody's way", async () => {
    mkdirSync(join(path, "ab-00000001.records"));
    leave("cd-00000001.records", head, ...lines(1, 1));
    await deliver();
    expect(numbers(messages)).toEqual([1]);
    expect(logged()).toContain("cannot be read");
    expect(folder?.kept).toEqual(["ab-00000001.records"]);
  });

  it("of another program is not spoken of", async () => {
    leave("notes.txt", "");
    mkdirSync(join(path, "lost+found"));
    await deliver();
    expect([folder?.kept, log.mock.calls]).toEqual([[], []]);
  });
});

describe("the folder", () => {
  it("is one process's at a time, however long its path is", async () => {
    const long = join(path, "x".repeat(200));
    const owner = await SpoolFolder.open(long);
    await expect(SpoolFolder.open(long)).rejects.toThrow(`${long} cannot be used: another oneapi-kong uses it`);
    owner.close();
    const next = await SpoolFolder.open(long);
    next.close();
  });

  it("that cannot be had is named with the reason", async () => {
    const file = leave("file", "");
    await expect(SpoolFolder.open(file)).rejects.toThrow(/file cannot be used: E(EXIST|NOTDIR)/);
  });
});
