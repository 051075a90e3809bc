import { createHash } from "node:crypto";
import { createServer, type Server } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Takes a lock that all processes of this machine share, or answers null when another process has it.
 *
 * The lock is a socket with an abstract address (Linux): it leaves no file, and the kernel drops it when its owner dies,
 * however it dies. Elsewhere there are no such addresses, and nothing is locked.
 */
export async function tryLock(name: string): Promise<(() => void) | null> {
  if (process.platform !== "linux") return () => {};
  const server = createServer();
  const address = `\0oneapi-${createHash("sha256").update(name).digest("hex")}`;
  return (await listens(server, address)) ? () => server.close() : null;
}

/** Runs `work` under the lock, after whoever has it now. */
export async function withLock<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  let release = await tryLock(name);
  while (release === null) {
    await sleep(200);
    release = await tryLock(name);
  }
  try {
    return await work();
  } finally {
    release();
  }
}

async function listens(server: Server, address: string): Promise<boolean> {
  return await new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(false);
      else reject(error);
    });
    server.unref();
    server.listen(address, () => resolve(true));
  });
}
