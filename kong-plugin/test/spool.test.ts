/** What is on disk while records wait, when it is safe there, and what happens when the disk fails. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SpoolFolder } from "../src/spool/folder.ts";
import { readLines, recordLine } from "../src/spool/lines.ts";
import { Spool, type SpoolSettings } from "../src/spool/spool.ts";

/** Faults of the disk, as the system's calls report them. */
const disk = vi.hoisted(() => ({
  /** Bytes that may be written until the disk is full. */
  room: Number.POSITIVE_INFINITY,
  syncFails: false,
  syncs: 0,
}));
vi.mock("node:fs", async (original) => {
  const real = await original<typeof import("node:fs")>();
  const fault = (code: string) => Object.assign(new Error(`${code}: the disk has failed`), { code });
  return {
    ...real,
    writeSync(file: number, bytes: Uint8Array, at: number) {
      if (disk.room === 0) throw fault("ENOSPC");
      const written = real.writeSync(file, bytes, at, Math.min(bytes.length - at, disk.room));
      disk.room -= written;
      return written;
    },
    fdatasync(file: number, done: (error: Error | null) => void) {
      disk.syncs++;
      if (disk.syncFails) setImmediate(() => done(fault("EIO")));
      else real.fdatasync(file, done);
    },
  };
});

let path: string;
let folder: SpoolFolder;
let spool: Spool | null = null;
const log = vi.fn();
const changed = vi.fn();
beforeEach(async () => {
  path = mkdtempSync(join(tmpdir(), "oneapi-spool-"));
  folder = await SpoolFolder.open(path);
});
afterEach(async () => {
  Object.assign(disk, { room: Number.POSITIVE_INFINITY, syncFails: false, syncs: 0 });
  await spool?.close();
  spool = null;
  folder.close();
  rmSync(path, { recursive: true, force: true });
  vi.clearAllMocks();
});

function open(change: Partial<SpoolSettings> = {}): Spool {
  const settings = { folder, node: "kong", epoch: "ab12", policy: "interval" as const, mostBytes: 2 ** 30 };
  spool = new Spool({ ...settings, log, changed, ...change });
  return spool;
}

const record = (sequence: number, padding = "") => Buffer.from(JSON.stringify({ sequence, padding }));
const PAGE = "x".repeat(64 * 1024);

function fill(spool: Spool, from: number, to: number, padding = ""): void {
  for (let sequence = from; sequence <= to; sequence++) spool.add(sequence, record(sequence, padding));
}

const files = () =>
  readdirSync(path)
    .filter((name) => name.endsWith(".records"))
    .sort();
const contents = () => files().map((name) => readLines(readFileSync(join(path, name))));
const numbers = (records: (Uint8Array | null)[]) =>
  records.map((line) =>
    line === null ? null : (JSON.parse(Buffer.from(line).toString()) as { sequence: number }).sequence,
  );
const onDisk = () => contents().flatMap(({ records }) => numbers(records));
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe("on disk", () => {
  it("is each record until it is stored, and none when all are", () => {
    const spool = open();
    fill(spool, 1, 3);
    expect(onDisk()).toEqual([1, 2, 3]);
    expect(spool.counts).toMatchObject({ records: 3, bytes: statSync(join(path, files()[0] as string)).size });
    spool.stored(2);
    expect(onDisk()).toContain(3);
    spool.stored(3);
    spool.stored(3);
    expect(onDisk()).toEqual([]);
    expect(spool.counts.records).toBe(0);
    fill(spool, 4, 4);
    expect(onDisk()).toEqual([4]);
  });

  it("are files of one megabyte at most, each of which goes with its last record", () => {
    const spool = open();
    fill(spool, 1, 40, PAGE);
    expect(files()).toHaveLength(3);
    for (const name of files()) expect(statSync(join(path, name)).size).toBeLessThanOrEqual(1024 * 1024);
    spool.stored(15);
    expect(files()).toHaveLength(2);
    expect(onDisk()).toEqual(range(16, 40));
    spool.stored(39);
    expect(files()).toHaveLength(1);
    const { bytes } = spool.counts;
    fill(spool, 41, 200, PAGE);
    spool.stored(200);
    expect(files()).toHaveLength(1);
    expect(spool.counts.bytes).toBeLessThan(bytes);
  });

  it("is nobody else's to read, and says whose it is", () => {
    fill(open(), 1, 1);
    expect(statSync(join(path, files()[0] as string)).mode & 0o777).toBe(0o600);
    expect(contents()).toMatchObject([{ node: "kong", foreign: null, torn: false }]);
  });

  it("is a record whose provider wrote its usage over several lines", () => {
    open().add(1, Buffer.from(JSON.stringify({ sequence: 1, raw_usage: { prompt_tokens: 7 } }, null, 2)));
    expect(contents()[0]?.records.map((line) => JSON.parse(String(line)))).toEqual([
      { sequence: 1, raw_usage: { prompt_tokens: 7 } },
    ]);
  });

  it("is left when the process ends with records that wait, and gone when none do", async () => {
    const first = open();
    fill(first, 1, 2);
    first.stored(1);
    await first.close();
    expect(onDisk()).toContain(2);
    const second = open({ epoch: "cd" });
    fill(second, 1, 1);
    second.stored(1);
    await second.close();
    expect(files().every((name) => name.startsWith("ab12"))).toBe(true);
  });
});

describe("read again", () => {
  it("are records from several files", () => {
    const spool = open();
    fill(spool, 1, 40, PAGE);
    spool.stored(3);
    expect(numbers(spool.read(12, 37))).toEqual(range(12, 37));
    expect(numbers(spool.read(40, 40))).toEqual([40]);
  });

  it("are all but those that are damaged, and that is told", () => {
    const spool = open();
    fill(spool, 1, 5);
    const file = join(path, files()[0] as string);
    writeFileSync(file, readFileSync(file, "utf8").replace('"sequence":3', '"sequence":8'));
    expect(numbers(spool.read(2, 4))).toEqual([2, 4]);
    expect(spool.damaged).toBe(1);
    expect(log).toHaveBeenCalledWith(expect.stringContaining("damaged"));
  });

  it("are none when their file is gone, which is told", () => {
    const spool = open();
    fill(spool, 1, 2);
    rmSync(join(path, files()[0] as string));
    expect(spool.read(1, 2)).toEqual([]);
    expect(spool.damaged).toBe(2);
  });
});

describe("safe", () => {
  it("are records before anything ends, all that wait by one sync, with `always`", async () => {
    const spool = open({ policy: "always" });
    expect(spool.holdsEnds).toBe(true);
    fill(spool, 1, 100);
    expect([spool.isSafe(1), changed.mock.calls.length]).toEqual([false, 0]);
    await vi.waitFor(() => expect(spool.isSafe(100)).toBe(true));
    expect(changed).toHaveBeenCalled();
    expect(disk.syncs).toBe(1);
    fill(spool, 101, 101);
    expect(spool.isSafe(101)).toBe(false);
    spool.stored(101);
    expect(spool.isSafe(101)).toBe(true);
  });

  it("are records when the process ends, and nothing is done to the disk afterwards", async () => {
    const spool = open({ policy: "always" });
    fill(spool, 1, 1);
    await new Promise((turned) => setImmediate(turned));
    // It comes, in a new file, while the first is being synced.
    fill(spool, 2, 2, "x".repeat(1024 * 1024));
    await spool.close();
    folder.close();
    const { syncs } = disk;
    await vi.waitFor(() => expect(changed).toHaveBeenCalled());
    await new Promise((turned) => setTimeout(turned, 50));
    expect([disk.syncs, log.mock.calls]).toEqual([syncs, []]);
    expect(onDisk()).toEqual([1, 2]);
  });

  it("are records of each second together, and nothing waits for them, with `interval`", async () => {
    const spool = open();
    fill(spool, 1, 100);
    expect([spool.holdsEnds, spool.isSafe(1), disk.syncs]).toEqual([false, false, 0]);
    await vi.waitFor(() => expect(spool.isSafe(100)).toBe(true), 5000);
    expect(disk.syncs).toBe(1);
  });

  it("are records when the system pleases, with `never`", async () => {
    const spool = open({ policy: "never" });
    fill(spool, 1, 40, PAGE);
    await vi.waitFor(() => expect(changed).toHaveBeenCalled(), 5000);
    await spool.close();
    expect(disk.syncs).toBe(0);
    expect(onDisk()).toEqual(range(1, 40));
  });
});

describe("a disk that fails", () => {
  it("is full in the middle of a line: records wait in memory, are written when there is room, and nothing is torn", async () => {
    const spool = open();
    fill(spool, 1, 2);
    disk.room = 10;
    fill(spool, 3, 9);
    expect(contents().map(({ records, torn }) => [numbers(records), torn])).toEqual([[[1, 2], false]]);
    expect(spool.readable).toBe(2);
    // Enough for the head of a new file, and for no line.
    disk.room = 30;
    expect(spool.isFull).toBe(false);
    await vi.waitFor(() => expect(spool.counts.failedWrites).toBeGreaterThan(1), 5000);
    expect(log.mock.calls).toEqual([[expect.stringContaining("ENOSPC")]]);
    expect(files()).toHaveLength(1);
    spool.stored(4);
    disk.room = Number.POSITIVE_INFINITY;
    await vi.waitFor(() => expect(spool.readable).toBe(9), 5000);
    fill(spool, 10, 10);
    expect(onDisk().filter((number) => Number(number) > 4)).toEqual(range(5, 10));
    expect(contents().every(({ torn, records }) => !torn && !records.includes(null))).toBe(true);
    expect(numbers(spool.read(5, 10))).toEqual(range(5, 10));
    expect(log).toHaveBeenLastCalledWith("the spool is written again");
  });

  it("cannot tell what it has: all of that is written again, elsewhere", async () => {
    const spool = open({ policy: "always" });
    fill(spool, 1, 2);
    await vi.waitFor(() => expect(spool.isSafe(2)).toBe(true));
    disk.syncFails = true;
    fill(spool, 3, 4);
    await vi.waitFor(() => expect(spool.counts.failedSyncs).toBe(1));
    // What is promised cannot be kept: nothing new is taken.
    expect(spool.isFull).toBe(true);
    expect(spool.isSafe(3)).toBe(false);
    fill(spool, 5, 5);
    disk.syncFails = false;
    await vi.waitFor(() => expect(spool.isSafe(5)).toBe(true), 5000);
    expect(spool.isFull).toBe(false);
    expect(numbers(contents().at(-1)?.records ?? [])).toEqual([3, 4, 5]);
    expect(numbers(spool.read(1, 5))).toEqual(range(1, 5));
    rmSync(join(path, files()[0] as string));
    expect(numbers(spool.read(3, 5))).toEqual([3, 4, 5]);
  });

  it("is full from the start, and the process goes on", async () => {
    disk.room = 0;
    const spool = open();
    fill(spool, 1, 1);
    expect(files()).toEqual([]);
    disk.room = Number.POSITIVE_INFINITY;
    await spool.close();
    expect(onDisk()).toEqual([1]);
  });

  it("says what is lost when it has not come back until the end", async () => {
    const spool = open();
    disk.room = 0;
    fill(spool, 1, 3);
    await spool.close();
    expect(log).toHaveBeenLastCalledWith(expect.stringContaining("3 usage records are lost"));
  });
});

describe("how much it holds", () => {
  it("is full at its bound until records are stored", () => {
    const spool = open({ mostBytes: 10 * PAGE.length });
    fill(spool, 1, 9, PAGE);
    expect(spool.isFull).toBe(false);
    fill(spool, 10, 10, PAGE);
    expect(spool.isFull).toBe(true);
    spool.stored(10);
    expect(spool.isFull).toBe(false);
  });

  it("counts what earlier processes left", async () => {
    folder.close();
    const left = Buffer.concat([Buffer.from("oneapi-spool 1 kong 99\n"), recordLine(record(1, PAGE))]);
    writeFileSync(join(path, "99-00000001.records"), left);
    folder = await SpoolFolder.open(path);
    const spool = open({ mostBytes: PAGE.length });
    expect(spool.counts.earlierBytes).toBe(left.length);
    expect(spool.isFull).toBe(true);
    for (const file of folder.left) folder.forget(file);
    expect(spool.isFull).toBe(false);
  });

  it("tells since when the oldest waits", () => {
    let now = 0;
    const spool = open({ clock: () => now });
    for (let sequence = 1; sequence <= 10; sequence++) {
      fill(spool, sequence, sequence);
      now += 2000;
    }
    expect(spool.counts.oldestSeconds).toBe(20);
    spool.stored(4);
    expect(spool.counts.oldestSeconds).toBe(12);
    spool.stored(10);
    expect(spool.counts.oldestSeconds).toBe(0);
  });
});
