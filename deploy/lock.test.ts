import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { tryLock, withLock } from "./lock.ts";

const module = fileURLToPath(new URL("lock.ts", import.meta.url));
const holder = (name: string) => `
  import { tryLock } from ${JSON.stringify(module)};
  console.log((await tryLock(${JSON.stringify(name)})) !== null);
  setInterval(() => {}, 1000);
`;

test.runIf(process.platform === "linux")("a lock is one process's until that dies, however it dies", async () => {
  const name = `test ${process.pid}`;
  const other = spawn(process.execPath, ["--input-type=module", "-e", holder(name)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [printed] = await once(other.stdout, "data");
  expect(`${printed}`.trim()).toBe("true");
  expect(await tryLock(name)).toBeNull();
  other.kill("SIGKILL");
  await once(other, "close");
  expect(await tryLock(name)).not.toBeNull();
});

test("work under one lock never overlaps, and a failure releases it", async () => {
  const name = `work ${process.pid}`;
  let inside = 0;
  const work = async () => {
    inside += 1;
    expect(inside).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    inside -= 1;
    return "done";
  };
  const failing = withLock(name, async () => {
    throw new Error("broken");
  });
  await expect(failing).rejects.toThrow("broken");
  expect(await Promise.all([withLock(name, work), withLock(name, work)])).toEqual(["done", "done"]);
});
