import { randomBytes } from "node:crypto";
import { closeSync, constants, fsync, mkdirSync, openSync, readdirSync, statSync, unlinkSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";

const RECORDS = /^([0-9a-f]+)-\d+\.records$/;
const LOCK = /^[0-9a-f]+\.lock$/;
/** Of other programs' files nothing is said. */
const OURS = /\.(records|damaged)$/;
const synchronize = promisify(fsync);

/** What a process before this one has left. */
export interface Left {
  path: string;
  epoch: string;
  bytes: number;
}

/** The folder of the spool, which one process has at a time. */
export class SpoolFolder {
  readonly #path: string;
  readonly #handle: number;
  readonly #lock = createServer((visitor) => visitor.destroy());
  #left: Left[] = [];
  /** Names of files that are kept, though nobody can deliver them. */
  readonly kept: string[] = [];
  #closed = false;

  private constructor(path: string, handle: number) {
    this.#path = path;
    this.#handle = handle;
  }

  /** Rejects when it cannot be had. */
  static async open(path: string): Promise<SpoolFolder> {
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 });
      const handle = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
      const folder = new SpoolFolder(path, handle);
      try {
        await folder.#take();
        folder.#look();
        return folder;
      } catch (error) {
        folder.close();
        throw error;
      }
    } catch (error) {
      throw new Error(`the spool folder ${path} cannot be used: ${(error as Error).message}`);
    }
  }

  /**
   * The lock is a socket in the folder that its owner listens on: the kernel knows whether anybody does, also for processes of
   * other containers, and forgets it when the owner dies, however it dies. No name comes twice, so what nobody listens on is
   * removed without harm.
   */
  async #take(): Promise<void> {
    const own = `${randomBytes(8).toString("hex")}.lock`;
    await listens(this.#lock, this.#short(own));
    for (const name of readdirSync(this.#path)) {
      if (!LOCK.test(name) || name === own) continue;
      if (await answers(this.#short(name))) throw new Error("another oneapi-kong uses it");
      removeIfThere(join(this.#path, name));
    }
  }

  /** A socket's path must be short, which a folder's may not be; the kernel has a short one for all that is open. */
  #short(name: string): string {
    return process.platform === "linux" ? `/proc/self/fd/${this.#handle}/${name}` : join(this.#path, name);
  }

  #look(): void {
    for (const name of readdirSync(this.#path).sort()) {
      const path = join(this.#path, name);
      const [, epoch] = RECORDS.exec(name) ?? [];
      if (epoch !== undefined) this.#left.push({ path, epoch, bytes: statSync(path).size });
      else if (OURS.test(name)) this.kept.push(name);
    }
  }

  /** What earlier processes left and is not delivered yet, in the order in which it was written by each. */
  get left(): readonly Left[] {
    return this.#left;
  }

  get leftBytes(): number {
    return this.#left.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Another process has it no longer, nor does this one. */
  forget(file: Left): void {
    this.#left = this.#left.filter((other) => other !== file);
  }

  /** The path of a file of this process. */
  file(epoch: string, number: number): string {
    return join(this.#path, `${epoch}-${`${number}`.padStart(8, "0")}.records`);
  }

  /** Resolves when the names in it are on disk. */
  async sync(): Promise<void> {
    await synchronize(this.#handle);
  }

  /** To close it twice changes nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // The socket's file goes with it, by the path that needs the handle.
    this.#lock.close(() => closeSync(this.#handle));
  }
}

async function listens(server: Server, path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  server.unref();
}

/** Whether anybody listens there. Who may not be asked may well be alive. */
async function answers(path: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const visitor = connect(path);
    visitor.once("connect", () => {
      visitor.destroy();
      resolve(true);
    });
    visitor.once("error", ({ code }: NodeJS.ErrnoException) => resolve(code !== "ECONNREFUSED" && code !== "ENOENT"));
  });
}

function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
