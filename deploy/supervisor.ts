import { type Command, Part } from "./part.ts";

/** The processes of one `up`. */
export class Supervisor {
  private readonly log: (text: string) => void;
  private readonly parts: Part[] = [];
  private stopped = false;

  constructor(log: (text: string) => void) {
    this.log = log;
  }

  start(command: Command): Part {
    if (this.stopped) throw new Error("being stopped");
    const part = new Part(command, this.log);
    this.parts.push(part);
    part.start();
    return part;
  }

  /** Ends all processes, first those that drain: gateways hand their records to a control service that still runs. */
  async stop(): Promise<void> {
    this.stopped = true;
    const stopAll = (parts: Part[]) => Promise.all(parts.map((part) => part.stop()));
    await stopAll(this.parts.filter((part) => part.drains));
    await stopAll(this.parts);
  }
}
