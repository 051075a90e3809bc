/** Lets many wait for "something changed": who is woken looks for itself whether it concerns him. */
export class Signal {
  readonly #waiting = new Set<() => void>();

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Wakes all who wait now. */
  pulse(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Resolves at the next pulse, after `ms`, or when `aborted` fires, whatever comes first. */
  next(ms: number, aborted: AbortSignal): Promise<void> {
    if (aborted.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        aborted.removeEventListener("abort", wake);
        this.#waiting.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      aborted.addEventListener("abort", wake);
      this.#waiting.add(wake);
    });
  }
}
