import { constants } from "node:fs";
import { access, mkdir } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { checkout } from "./checkout.ts";

/** A folder for what is fetched once: the user's cache, or one in the checkout where the user has none to write to. */
export async function cacheFolder(): Promise<string> {
  const { XDG_CACHE_HOME = "", HOME = "" } = process.env;
  const candidates = [XDG_CACHE_HOME, isAbsolute(HOME) ? join(HOME, ".cache") : ""];
  for (const candidate of candidates) {
    if (!isAbsolute(candidate)) continue;
    const folder = join(candidate, "oneapi");
    if (await isWritable(folder)) return folder;
  }
  const folder = join(checkout, ".data/cache");
  await mkdir(folder, { recursive: true });
  return folder;
}

async function isWritable(folder: string): Promise<boolean> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
