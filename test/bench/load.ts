import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { authorization, type Gateway, type KEYS } from "./envoys.ts";

const run = promisify(execFile);

/** What the load generator is to send. */
export type Traffic = {
  model: string;
  key: keyof typeof KEYS;
  stream: boolean;
  /** Length of a request's body. */
  bytes: number;
  connections: number;
  /** It ends at either. */
  requests: number;
  seconds: number;
};

/** How many requests go before those that count. */
export function warmUpOf({ connections }: Traffic): number {
  return Math.max(10, connections);
}

type Percentiles = { p50: number; p99: number };

/** What one slice of traffic took; all times in µs. */
export type Slice = {
  requests: number;
  errors: number;
  /** Of the gateway's whole process. */
  cpu_us: number;
  latency_us: Percentiles;
  /** Server-sent events; only of streams. */
  events: number;
  first_event_us: Percentiles;
};

/** The load generator (load.c). */
export class Load {
  private readonly command: string[];
  private readonly folder: string;

  /** `command`: how the program is started; `folder`: for the bodies that it sends. */
  constructor(command: string[], folder: string) {
    this.command = command;
    this.folder = folder;
  }

  /**
   * Rejects when any request fails: what fails is not comparable. With `tickets` each request carries the next of them, so
   * there must be one for each, and for those of the warm-up.
   */
  async run(gateway: Gateway, traffic: Traffic, tickets: string[] = []): Promise<Slice> {
    const { key, connections, requests, seconds, stream } = traffic;
    const numbers = { "-p": gateway.port, "-k": gateway.pid, "-c": connections, "-n": requests, "-t": seconds };
    const args = Object.entries({ ...numbers, "-w": warmUpOf(traffic) }).flatMap(([flag, value]) => [flag, `${value}`]);
    const header = `authorization: ${authorization(key)}`;
    args.push("-f", await this.bodyFile(traffic), "-H", header, ...(stream ? ["-s"] : []));
    if (tickets.length > 0) {
      const file = join(this.folder, "tickets");
      await writeFile(file, tickets.map((ticket) => `${ticket}\n`).join(""), { mode: 0o600 });
      args.push("-T", file);
    }
    const [program = "", ...prefix] = this.command;
    const { stdout } = await run(program, [...prefix, ...args], { timeout: seconds * 3_000 + 30_000 });
    const slice = JSON.parse(stdout) as Slice;
    if (slice.errors > 0 || slice.requests === 0) throw new Error(`the gateway failed under load: ${stdout}`);
    return slice;
  }

  private async bodyFile(traffic: Traffic): Promise<string> {
    const file = join(this.folder, `${traffic.model}-${traffic.bytes}${traffic.stream ? "-stream" : ""}.json`);
    await writeFile(file, body(traffic));
    return file;
  }
}

/** A chat of some turns whose last message fills it up to the wanted length. */
function body({ model, stream, bytes }: Traffic): string {
  const last = { role: "user", content: "" };
  const chat = {
    model,
    temperature: 0.7,
    max_tokens: 256,
    messages: [
      { role: "system", content: "You are a helpful assistant. Answer briefly and to the point." },
      { role: "user", content: "Tell me about the quick brown fox. ".repeat(4) },
      { role: "assistant", content: "It jumps over the lazy dog. ".repeat(4) },
      last,
    ],
    ...(stream && { stream }),
  };
  const missing = bytes - JSON.stringify(chat).length;
  const sentence = "Please explain why, step by step. ";
  last.content = sentence.repeat(Math.ceil(missing / sentence.length)).slice(0, missing);
  return JSON.stringify(chat);
}
