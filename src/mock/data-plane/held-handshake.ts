/** A handshake that a rule may hold and resume (`SSL::handshake`). */
export class HeldHandshake {
  #resumed: Promise<void> = Promise.resolve();
  #resume: (() => void) | undefined;

  set(isHeld: boolean): void {
    if (!isHeld) {
      this.#resume?.();
      this.#resume = undefined;
    } else if (this.#resume === undefined) {
      this.#resumed = new Promise((resolve) => (this.#resume = resolve));
    }
  }

  get isHeld(): boolean {
    return this.#resume !== undefined;
  }

  /** Resolves when no rule holds it. */
  get resumed(): Promise<void> {
    return this.#resumed;
  }
}
