/**
 * Lets many wait for "something changed": who is woken looks for itself whether it concerns him. Who waits under a name
 * can also be called by it.
 */
export class Signal {
  readonly #waiting = new Set<() => void>();
  readonly #named = new Map<string, Set<() => void>>();

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Wakes all who wait now. */
  pulse(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  /** Wakes those who wait under a name. */
  call(name: string): void {
    for (const wake of [...(this.#named.get(name) ?? [])]) wake();
  }

  /** Resolves at the next pulse or call, after `ms`, or when `aborted` fires, whatever comes first. */
  next(ms: number, aborted: AbortSignal, name?: string): Promise<void> {
    if (aborted.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        aborted.removeEventListener("abort", wake);
        this.#waiting.delete(wake);
        if (name !== undefined) this.#leave(name, wake);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      aborted.addEventListener("abort", wake);
      this.#waiting.add(wake);
      if (name !== undefined) this.#named.set(name, (this.#named.get(name) ?? new Set()).add(wake));
    });
  }

  #leave(name: string, wake: () => void): void {
    const others = this.#named.get(name);
    others?.delete(wake);
    if (others?.size === 0) this.#named.delete(name);
  }
}
