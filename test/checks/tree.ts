import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { checkout } from "../../deploy/checkout.ts";

/** Paths of the files under version control, and of new ones that are not ignored, from the checkout's top. */
export function trackedFiles(pattern: RegExp): string[] {
  const options = { cwd: checkout, encoding: "utf8", maxBuffer: 2 ** 26 } as const;
  const listed = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], options);
  return listed.split("\n").filter((path) => pattern.test(path) && existsSync(join(checkout, path)));
}

export function read(path: string): string {
  return readFileSync(join(checkout, path), "utf8");
}
