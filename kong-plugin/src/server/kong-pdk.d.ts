declare module "kong-pdk/pdk.js" {
  /** What a phase says to Kong, and what Kong answers: its value, or its error. */
  interface Pipe {
    put(call: { Method: string; Args: unknown[] }): void;
    get(): Promise<[value: unknown, error: string | undefined]>;
  }
  /** Turns calls like `kong.request.getHeaders(100)` into what goes through the pipe. */
  export default class Pdk {
    constructor(pipe: Pipe);
    readonly kong: unknown;
  }
}
