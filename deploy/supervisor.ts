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

  /** Ends all processes, the last started first: gateways hand their records to a control service that still runs. */
  async stop(): Promise<void> {
    this.stopped = true;
    for (const part of this.parts.toReversed()) await part.stop();
  }
}
