/** The official SDK of Python: fetched once, then run as a process. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { cacheFolder } from "../../../deploy/cache-folder.ts";
import { withLock } from "../../../deploy/lock.ts";
import { pipInstall } from "../../../deploy/pip.ts";
import type { Outcome, Work } from "./job.ts";

const run = promisify(execFile);
const REQUIREMENTS = fileURLToPath(new URL("requirements.txt", import.meta.url));
const RUNNER = fileURLToPath(new URL("runner.py", import.meta.url));
const VERSION = /^openai==(\S+)$/m.exec(readFileSync(REQUIREMENTS, "utf8"))?.[1] ?? "";

/** Folder of the SDK, for `PYTHONPATH`. Rejects with the reason why it cannot be had here. */
export async function pythonSdk(): Promise<string> {
  const python = await answerOf("import sys; print('%d.%d' % sys.version_info[:2])", "");
  if (python === null) throw new Error("there is no python3 in PATH");
  const folder = join(await cacheFolder(), `python${python}-openai-${VERSION}-${process.arch}`);
  if (await isThere(folder)) return folder;
  return withLock(`fetch ${folder}`, async () => {
    if (await isThere(folder)) return folder;
    // Unpacked beside its place and moved there whole, so that no one ever sees half of it.
    const partial = await mkdtemp(`${folder}-`);
    try {
      await pipInstall(REQUIREMENTS, partial).catch((problem: Error) => {
        throw new Error(`pip could not fetch openai ${VERSION}: ${problem.message.split("\n").at(-1)}`);
      });
      await rm(folder, { recursive: true, force: true });
      await rename(partial, folder);
    } finally {
      await rm(partial, { recursive: true, force: true });
    }
    if (!(await isThere(folder))) throw new Error(`openai ${VERSION} does not run with python ${python}`);
    return folder;
  });
}

async function isThere(folder: string): Promise<boolean> {
  return (await answerOf("import openai; print(openai.__version__)", folder)) === VERSION;
}

async function answerOf(code: string, folder: string): Promise<string | null> {
  try {
    const env = { ...process.env, PYTHONPATH: folder };
    return (await run("python3", ["-c", code], { env, timeout: 60_000 })).stdout.trim();
  } catch {
    return null;
  }
}

export async function runPythonJobs(folder: string, work: Work): Promise<Outcome[][]> {
  const child = spawn("python3", [RUNNER], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { ...process.env, PYTHONPATH: folder, PYTHONDONTWRITEBYTECODE: "1" },
  });
  const ended = once(child, "exit");
  child.stdin.end(JSON.stringify(work));
  const said = await text(child.stdout);
  const [code] = await ended;
  if (code !== 0) throw new Error(`runner.py ended with ${code}`);
  return JSON.parse(said) as Outcome[][];
}
