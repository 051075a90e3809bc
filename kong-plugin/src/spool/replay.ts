import { readdirSync, readFileSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { GATEWAY_PROTOCOL_VERSION } from "@oneapi/contract";
import { SYNC_PATH } from "@oneapi/core";
import { request } from "undici";

const FILE = /^([0-9a-f]+)\.(\d+)\.records$/;
const MOST_IN_A_MESSAGE = 500;
const TIMEOUT_MS = 10_000;
const PAUSE_MS = 2000;

interface Left {
  path: string;
  epoch: string;
}

export interface ReplaySettings {
  folder: string;
  controlUrl: string;
  token: string;
  node: string;
  log: (text: string) => void;
}

/**
 * Delivers the records that processes before this one have left on disk, each under its own epoch and sequence, and
 * removes their files. Records are stored once by the id of their operation, so those that had been delivered do no harm.
 */
export class Replay {
  readonly #settings: ReplaySettings;
  readonly #stopped = new AbortController();

  constructor(settings: ReplaySettings) {
    this.#settings = settings;
  }

  /** Resolves when all is delivered. Tries again until it is, or until it is stopped. */
  async run(ownEpoch: string): Promise<void> {
    const { log } = this.#settings;
    while (!this.#stopped.signal.aborted) {
      const left = this.#left(ownEpoch);
      if (left.length === 0) return;
      try {
        for (const file of left) await this.#deliver(file);
      } catch (error) {
        log(`records of an earlier run wait: ${(error as Error).message}`);
        await sleep(PAUSE_MS, undefined, { signal: this.#stopped.signal }).catch(() => {});
      }
    }
  }

  stop(): void {
    this.#stopped.abort();
  }

  /** Files whose writer is gone. (A container's process often has the same id as the one before it.) */
  #left(ownEpoch: string): Left[] {
    const { folder } = this.#settings;
    return readdirSync(folder).flatMap((name) => {
      const [, epoch = "", pid = ""] = FILE.exec(name) ?? [];
      const gone = epoch !== "" && epoch !== ownEpoch && (Number(pid) === process.pid || !isAlive(Number(pid)));
      return gone ? [{ path: join(folder, name), epoch }] : [];
    });
  }

  async #deliver({ path, epoch }: Left): Promise<void> {
    // The last line is cut if the process died in the middle of it.
    const records = readFileSync(path, "utf8").split("\n").filter(isJson);
    for (let at = 0; at < records.length; at += MOST_IN_A_MESSAGE) {
      await this.#send(epoch, records.slice(at, at + MOST_IN_A_MESSAGE));
    }
    unlinkSync(path);
    if (records.length > 0) this.#settings.log(`${records.length} records of an earlier run are delivered`);
  }

  async #send(epoch: string, records: string[]): Promise<void> {
    const { controlUrl, token, node } = this.#settings;
    const head = JSON.stringify({ version: GATEWAY_PROTOCOL_VERSION, node, epoch, kind: "kong" });
    const { statusCode, body } = await request(controlUrl.replace(/\/$/, "") + SYNC_PATH, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body: `${head.slice(0, -1)},"records":[${records.join(",")}]}`,
      signal: AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    await body.dump();
    // The answer comes when all of them are in store.
    if (statusCode !== 200) throw new Error(`the control service answers ${statusCode}`);
  }
}

function isJson(line: string): boolean {
  try {
    return typeof JSON.parse(line) === "object";
  } catch {
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
