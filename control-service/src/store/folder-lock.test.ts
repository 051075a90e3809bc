import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { lockFolder } from "./folder-lock.ts";

describe("lockFolder", () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "oneapi-lock-"));
    path = join(folder, "serve.lock");
    return () => rmSync(folder, { recursive: true });
  });

  it("is given up and taken again", () => {
    lockFolder(folder)();
    lockFolder(folder)();
    expect(() => readFileSync(path)).toThrow(/ENOENT/);
  });

  it("refuses a folder that a living process has", () => {
    const parent = process.ppid;
    const start = readFileSync(`/proc/${parent}/stat`, "utf8").split(") ").at(-1)?.split(" ")[19];
    writeFileSync(path, `${parent} ${start}\n`);
    expect(() => lockFolder(folder)).toThrow(`is in use by the process ${parent}`);
  });

  it.each([
    ["a process that is gone", "2147483646 1"],
    ["an earlier process with the number of a living one", `${process.ppid} 1`],
    ["a file that was cut off", ""],
  ])("takes over from %s", (_, holder) => {
    writeFileSync(path, holder);
    const unlock = lockFolder(folder);
    expect(readFileSync(path, "utf8")).toMatch(new RegExp(`^${process.pid} `));
    unlock();
  });
});
