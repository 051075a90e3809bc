import { execFile } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { kongCommand } from "./gateway.ts";

const run = promisify(execFile);
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "oneapi-kong-bin-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

async function script(path: string, text: string): Promise<string> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\n${text}\n`);
  await chmod(path, 0o755);
  return path;
}

test("without a Kong the stand-in reads the same file", () => {
  const { program, args } = kongCommand("", "/data/kong-1.conf", "/data/kong-1");
  expect([program, args.slice(-2)]).toEqual([process.execPath, ["-c", "/data/kong-1.conf"]]);
  expect(args[0]).toMatch(/test\/kong\/main\.ts$/);
});

describe("a Kong", () => {
  test("is prepared, and is then one process: its nginx", async () => {
    const place = join(folder, "whole");
    const prefix = join(place, "prefix");
    await mkdir(join(prefix, "sockets"), { recursive: true });
    const kong = await script(join(place, "bin/kong"), `echo "$@" > ${prefix}/prepared`);
    await script(join(place, "openresty/nginx/sbin/nginx"), 'echo "$$ $@"');
    // A killed one has left these.
    const left = [join(prefix, "worker_events.sock"), join(prefix, "sockets", "we")];
    for (const path of left) await leaveSocket(path);
    const { program, args } = kongCommand(kong, "kong.conf", prefix);
    const running = run(program, args);
    expect((await running).stdout).toBe(`${running.child.pid} -p ${prefix} -c nginx.conf\n`);
    expect(await readFile(join(prefix, "prepared"), "utf8")).toBe("prepare -c kong.conf\n");
    expect((await readdir(prefix)).sort()).toEqual(["prepared", "sockets"]);
    expect(await readdir(join(prefix, "sockets"))).toEqual([]);
  });

  test("whose configuration is refused is not started", async () => {
    const kong = await script(join(folder, "refusing/bin/kong"), "echo 'no such plugin' >&2; exit 1");
    await script(join(folder, "refusing/openresty/nginx/sbin/nginx"), "echo started");
    const { program, args } = kongCommand(kong, "kong.conf", folder);
    await expect(run(program, args)).rejects.toMatchObject({ code: 1, stdout: "", stderr: "no such plugin\n" });
  });
});

/** A socket without its process. */
async function leaveSocket(path: string): Promise<void> {
  const text = `require("node:net").createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"))`;
  await run(process.execPath, ["-e", text]).catch(() => {});
}
