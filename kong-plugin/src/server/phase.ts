import Pdk from "kong-pdk/pdk.js";

/** A call that Kong is asked to make of its PDK. */
export interface PdkCall {
  Method: string;
  Args: unknown[];
}

/** What Kong is told: a call to make, or that the phase is over. */
export type Told = PdkCall | "ret";

/** After these Kong answers the client and says no more of the request. */
const LAST_CALLS: ReadonlySet<string> = new Set(["kong.response.exit", "kong.response.error"]);

/**
 * One phase of one request, under way: a conversation in which Kong asks "what now?" and the phase names a call of the PDK
 * at a time. Whatever happens in the phase, Kong gets an answer: `failure` when it throws.
 */
export class Phase {
  /** Nothing more is said. */
  over = false;
  /** Since when one side waits for the other, Unix milliseconds. */
  since: number;
  #told = Promise.withResolvers<Told>();
  /** The phase waits for the value of its last call. */
  #awaited: PromiseWithResolvers<[unknown, string | undefined]> | null = null;
  readonly #failure: (error: unknown) => PdkCall;

  constructor(failure: (error: unknown) => PdkCall, now: number) {
    this.#failure = failure;
    this.since = now;
  }

  /** Runs the phase's code. What Kong is told first. */
  start(run: (kong: unknown) => Promise<void>): Promise<Told> {
    const { kong } = new Pdk({ put: (call) => this.#tell(call), get: () => this.#await() });
    run(kong).then(
      () => this.#end("ret"),
      (error: unknown) => this.#end(this.#failure(error)),
    );
    return this.#told.promise;
  }

  /** Kong has made the call: what it is told next. Null when it was told nothing to make. */
  step(value: unknown, error: string | undefined, now: number): Promise<Told> | null {
    const awaited = this.#awaited;
    if (awaited === null) return null;
    this.since = now;
    this.#awaited = null;
    this.#told = Promise.withResolvers();
    awaited.resolve([value, error]);
    return this.#told.promise;
  }

  /** Whether it is Kong that is waited for. */
  get waitsForKong(): boolean {
    return this.#awaited !== null;
  }

  /** The phase takes too long: Kong is told of a failure, and nothing that the phase does later counts. */
  expire(): void {
    this.#end(this.#failure(new Error("the phase took too long")));
  }

  #tell(call: PdkCall): void {
    if (this.over) return;
    if (LAST_CALLS.has(call.Method)) this.over = true;
    else this.#awaited = Promise.withResolvers();
    this.#told.resolve(call);
  }

  #await(): Promise<[unknown, string | undefined]> {
    // After the end nobody answers: the phase's code stays where it is.
    return this.#awaited?.promise ?? new Promise(() => {});
  }

  #end(told: Told): void {
    if (this.over) return;
    this.over = true;
    this.#told.resolve(told);
  }
}
