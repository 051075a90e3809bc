/** What is on disk while records wait, and that what a process left is delivered. */
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Replay } from "../src/spool/replay.ts";
import { Spool, spoolFile } from "../src/spool/spool.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "oneapi-spool-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const record = (sequence: number, padding = "") => Buffer.from(JSON.stringify({ sequence, padding }));

describe("the spool", () => {
  const failed = vi.fn();
  const path = () => spoolFile(folder, "ab12", process.pid);
  const sequences = () =>
    readFileSync(path(), "utf8")
      .split("\n")
      .filter(Boolean)
      .map((line) => (JSON.parse(line) as { sequence: number }).sequence);

  it("has each record until it is stored, and nothing when all are", () => {
    const spool = new Spool(folder, "ab12", failed);
    for (const sequence of [1, 2, 3]) spool.add(sequence, record(sequence));
    expect(sequences()).toEqual([1, 2, 3]);
    spool.stored(2);
    expect(sequences()).toContain(3);
    spool.stored(3);
    expect(statSync(path()).size).toBe(0);
    spool.add(4, record(4));
    expect(sequences()).toEqual([4]);
    spool.close();
    expect(sequences()).toEqual([4]);
  });

  it("leaves no file behind when it is closed with all records stored", () => {
    const spool = new Spool(folder, "ab12", failed);
    spool.add(1, record(1));
    spool.stored(1);
    spool.close();
    expect(readdirSync(folder)).toEqual([]);
  });

  it("forgets stored records on disk too, before they are many", () => {
    const spool = new Spool(folder, "ab12", failed);
    const padding = "x".repeat(1024 * 1024);
    for (let sequence = 1; sequence <= 10; sequence++) spool.add(sequence, record(sequence, padding));
    spool.stored(9);
    expect(sequences()).toEqual([10]);
    spool.add(11, record(11));
    expect(sequences()).toEqual([10, 11]);
    spool.stored(11);
    expect(statSync(path()).size).toBe(0);
    spool.close();
    expect(failed).not.toHaveBeenCalled();
  });

  it("is nobody else's to read", () => {
    const spool = new Spool(folder, "ab12", failed);
    expect(statSync(path()).mode & 0o777).toBe(0o600);
    spool.close();
  });
});

describe("what a process left", () => {
  const messages: { epoch: string; records: { sequence: number }[] }[] = [];
  let refusals = 0;
  const control = createServer(async (message, answer) => {
    const parts: Buffer[] = [];
    for await (const part of message) parts.push(part as Buffer);
    if (refusals-- > 0) {
      answer.writeHead(503).end();
      return;
    }
    messages.push(JSON.parse(Buffer.concat(parts).toString()));
    answer.end("{}");
  });
  beforeEach(async () => {
    messages.length = 0;
    control.listen(0, "127.0.0.1");
    await once(control, "listening");
  });
  afterEach(() => {
    control.closeAllConnections();
    control.close();
  });

  function replay(): Replay {
    const controlUrl = `http://127.0.0.1:${(control.address() as AddressInfo).port}`;
    return new Replay({ folder, controlUrl, token: "t", node: "kong", log: () => {} });
  }

  /** Of a process that is gone: this one, in a container that was started anew. */
  function leave(epoch: string, text: string): string {
    const path = spoolFile(folder, epoch, process.pid);
    writeFileSync(path, text);
    return path;
  }

  it("is delivered under its own epoch, without the line that it died in, and removed", async () => {
    const lines = Array.from({ length: 501 }, (_, index) => record(index + 1).toString());
    const path = leave("ab", `${lines.join("\n")}\n{"sequence":502,"pad`);
    await replay().run("cd");
    expect(messages.map(({ epoch, records }) => [epoch, records.length])).toEqual([
      ["ab", 500],
      ["ab", 1],
    ]);
    expect(messages.flatMap(({ records }) => records.map(({ sequence }) => sequence)).at(-1)).toBe(501);
    expect(existsSync(path)).toBe(false);
  });

  it("waits for a control service that does not answer", async () => {
    refusals = 1;
    const path = leave("ab", `${record(1)}\n`);
    await replay().run("cd");
    expect(messages).toHaveLength(1);
    expect(existsSync(path)).toBe(false);
  });

  it("is left alone while its process lives, as is one's own", async () => {
    const own = leave("cd", `${record(1)}\n`);
    const others = spoolFile(folder, "ab", process.ppid);
    writeFileSync(others, `${record(1)}\n`);
    await replay().run("cd");
    expect(messages).toEqual([]);
    expect([own, others].every((path) => existsSync(path))).toBe(true);
  });
});
