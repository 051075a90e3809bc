/** What changed: the configuration (providers, models, …) or the policy of keys. */
export type Change = "config" | "keys";

export type ChangeListener = (change: Change) => void;

/**
 * Tells the parts of this process that something committed, in this instance or in another one. A listener gets no
 * content: it reads the revision and what it needs. Events may repeat; after a lost connection every kind is repeated.
 */
export class Changes {
  readonly #listeners = new Set<ChangeListener>();

  /** Adds a listener and answers the function that removes it. A listener must not throw. */
  subscribe(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  emit(change: Change): void {
    for (const listener of [...this.#listeners]) listener(change);
  }
}
