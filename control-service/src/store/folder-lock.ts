import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FILE = "serve.lock";

/**
 * Makes sure that one process alone uses a data folder: two would destroy the embedded database.
 *
 * @returns the function that gives the folder up. A process that dies without it leaves a lock that the next one sees
 *   to be stale.
 * @throws when a living process has the folder.
 */
export function lockFolder(folder: string): () => void {
  const path = join(folder, FILE);
  const own = identityOf(process.pid);
  for (;;) {
    try {
      writeFileSync(path, `${own}\n`, { flag: "wx", mode: 0o600 });
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const holder = readFileSync(path, "utf8").trim();
    const pid = Number(holder.split(" ")[0]);
    if (holder !== own && pid > 0 && identityOf(pid) === holder) {
      throw new Error(`the data folder ${folder} is in use by the process ${pid}`);
    }
    rmSync(path, { force: true });
  }
}

/** A process by its number and, where Linux tells it, its start: numbers are used again, in containers at once. */
function identityOf(pid: number): string | null {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EPERM") return null;
  }
  try {
    // The second field, the program's name in parentheses, may hold spaces; the start is the 20th after it.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ");
    return `${pid} ${fields?.[19]}`;
  } catch {
    return `${pid}`;
  }
}
