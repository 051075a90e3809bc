import { ask } from "../../deploy/ask.ts";
import { HOST } from "../../deploy/ports.ts";
import { freePort } from "./envoys.ts";
import type { Process, Processes } from "./processes.ts";

/** How a stream of the upstream goes: so many events, so far apart. */
export type Pace = { events: number; gapUs: number };

/** The provider behind all gateways (upstream.c), always at the same port. */
export class Upstream {
  readonly port: number;
  private readonly command: string[];
  private readonly processes: Processes;
  private process: Process | null = null;
  private pace: Pace | null = null;

  private constructor(command: string[], port: number, processes: Processes) {
    this.command = command;
    this.port = port;
    this.processes = processes;
  }

  /** `command`: how the program is started. */
  static async create(command: string[], processes: Processes): Promise<Upstream> {
    return new Upstream(command, await freePort(), processes);
  }

  /** Streams go at this pace from now on. */
  async go(pace: Pace): Promise<void> {
    if (this.pace?.events === pace.events && this.pace.gapUs === pace.gapUs) return;
    await this.process?.stop();
    const args = ["-p", `${this.port}`, "-n", `${pace.events}`, "-d", `${pace.gapUs}`];
    this.process = this.processes.start("upstream", [...this.command, ...args]);
    this.pace = pace;
    await this.process.until(async () => (await ask(`http://${HOST}:${this.port}/`)) !== null);
  }

  /** Leaves the port to another. */
  async stop(): Promise<void> {
    await this.process?.stop();
    this.pace = null;
  }
}
