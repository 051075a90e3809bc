import { readFileSync, renameSync, unlinkSync } from "node:fs";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { GATEWAY_PROTOCOL_VERSION } from "@oneapi/contract";
import { SYNC_PATH } from "@oneapi/core";
import { request } from "undici";
import type { Left, SpoolFolder } from "./folder.ts";
import { readLines } from "./lines.ts";

const MOST_IN_A_MESSAGE = 500;
/** A message of more bytes takes no further record. */
const MESSAGE_BYTES = 512 * 1024;
const TIMEOUT_MS = 10_000;
const PAUSE_MS = 2000;

export interface ReplaySettings {
  folder: SpoolFolder;
  controlUrl: string;
  token: string;
  /** Of this gateway, for records that do not say whose they are. */
  node: string;
  log: (text: string) => void;
  /** Called with the number of records that were damaged or torn. */
  damaged: (count: number) => void;
}

/** Whose records they are: a number counts for one process of one gateway. */
interface Source {
  node: string;
  epoch: string;
}

/**
 * Delivers the records that processes before this one have left on disk, each under its own node, epoch and sequence, and
 * removes their files. Records are stored once by the id of their operation, so those that had been delivered do no harm.
 *
 * A line that is damaged is passed over. Its file, and one that cannot be read at all or is of another version, is kept for
 * whoever looks into it.
 */
export class Replay {
  readonly #settings: ReplaySettings;
  readonly #stopped = new AbortController();
  #sequence = 0;
  /** What was said last of why records wait. */
  #told = "";

  constructor(settings: ReplaySettings) {
    this.#settings = settings;
  }

  /** Resolves when all is delivered that can be. Tries again until it is, or until it is stopped. */
  async run(): Promise<void> {
    const { folder, log } = this.#settings;
    for (const name of folder.kept) log(`${name} is kept, and its records are delivered by nobody`);
    while (!this.#stopped.signal.aborted) {
      const [file] = folder.left;
      if (file === undefined) return;
      try {
        await this.#deliver(file);
        folder.forget(file);
        this.#told = "";
      } catch (error) {
        this.#tell(`records of an earlier run wait: ${(error as Error).message}`);
        await sleep(PAUSE_MS, undefined, { signal: this.#stopped.signal }).catch(() => {});
      }
    }
  }

  #tell(text: string): void {
    if (text !== this.#told && !this.#stopped.signal.aborted) this.#settings.log(text);
    this.#told = text;
  }

  stop(): void {
    this.#stopped.abort();
  }

  async #deliver(file: Left): Promise<void> {
    const { log, node, damaged } = this.#settings;
    let bytes: Buffer;
    try {
      bytes = readFileSync(file.path);
    } catch (error) {
      this.#keep(file, `cannot be read (${(error as Error).message})`);
      return;
    }
    const content = readLines(bytes);
    if (content.foreign !== null) {
      this.#keep(file, `is of version ${content.foreign.slice(0, 16)} of the spool`);
      return;
    }
    const records = content.records.filter((record) => record !== null);
    const lost = content.records.length - records.length;
    for (const part of messages(records)) await this.#send({ node: content.node ?? node, epoch: file.epoch }, part);
    if (records.length > 0) log(`records of an earlier run are delivered: ${records.length}`);
    if (content.torn) log(`the last line of ${file.path} is torn: its record was being written when its process died`);
    damaged(lost + (content.torn ? 1 : 0));
    try {
      if (lost === 0) unlinkSync(file.path);
      else {
        renameSync(file.path, `${file.path}.damaged`);
        this.#keep(file, `has ${lost} damaged records, is called ….damaged now`);
      }
    } catch (error) {
      this.#keep(file, `is delivered, cannot be removed (${(error as Error).message})`);
    }
  }

  #keep(file: Left, why: string): void {
    this.#settings.folder.kept.push(basename(file.path));
    this.#settings.log(`${file.path} ${why} and is kept`);
  }

  async #send({ node, epoch }: Source, records: readonly Buffer[]): Promise<void> {
    const { controlUrl, token } = this.#settings;
    // Larger than that of any report that the process made itself: its leases may have ended long ago.
    this.#sequence = Math.max(Date.now(), this.#sequence + 1);
    const leases = { sequence: this.#sequence, gone: true };
    const head = JSON.stringify({ version: GATEWAY_PROTOCOL_VERSION, node, epoch, kind: "kong", leases });
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

function* messages(records: readonly Buffer[]): Generator<Buffer[]> {
  let part: Buffer[] = [];
  let bytes = 0;
  for (const record of records) {
    part.push(record);
    bytes += record.length;
    if (part.length < MOST_IN_A_MESSAGE && bytes < MESSAGE_BYTES) continue;
    yield part;
    part = [];
    bytes = 0;
  }
  if (part.length > 0) yield part;
}
