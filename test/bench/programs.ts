/** The upstream and the load generator: C, because on a small machine they must cost much less than what they measure. */
import { execFile } from "node:child_process";
import { mkdir, rename, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const FOLDER = fileURLToPath(new URL(".", import.meta.url));

const SOURCES = {
  upstream: ["upstream.c", "upstream-dialects.h"],
  load: ["load.c", "load-response.c", "load-response.h", "load-process.c", "load-process.h"],
};

/** Paths of the two programs. */
export type Programs = { upstream: string; load: string };

/** This machine has no C compiler. */
export class NoCompiler extends Error {}

/** Compiles what is missing or older than its sources. Rejects with {@link NoCompiler} or with what the compiler says. */
export async function buildPrograms(): Promise<Programs> {
  await mkdir(join(FOLDER, "build"), { recursive: true });
  const [upstream, load] = await Promise.all([build("upstream"), build("load")]);
  return { upstream, load };
}

async function build(name: keyof Programs): Promise<string> {
  const program = join(FOLDER, "build", name);
  const sources = SOURCES[name].map((source) => join(FOLDER, source));
  const changed = await Promise.all(sources.map(async (source) => (await stat(source)).mtimeMs));
  const built = await stat(program).catch(() => null);
  if (built !== null && built.mtimeMs > Math.max(...changed)) return program;
  const partial = `${program}-${process.pid}`;
  try {
    await run("cc", ["-O2", "-Wall", "-o", partial, ...sources.filter((source) => source.endsWith(".c"))]);
  } catch (error) {
    const { code, stderr, message } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === "ENOENT") {
      throw new NoCompiler(
        "`cc` is needed to build the load generator: install a C compiler (Debian: apt-get install gcc libc6-dev)",
      );
    }
    throw new Error(`${name} could not be compiled:\n${stderr || message}`);
  }
  await rename(partial, program);
  return program;
}
