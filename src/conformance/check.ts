import type { Subject } from './subject.js';

/** One thing that the agent relies on in a BIG-IP. */
export interface Check {
  /** A statement about the device, true of one that conforms. */
  readonly name: string;
  /** Where the statement comes from: a release that it was recorded on, a page of F5, clients that rely on it. */
  readonly evidence: string;
  /** What it needs: nothing, a login, or leave to write into the suite's own partition. */
  readonly needs: 'nothing' | 'login' | 'write';
  /**
   * Resolves when the statement holds.
   *
   * @throws Difference when it does not, Inapplicable when this device cannot be asked
   */
  readonly run: (subject: Subject) => Promise<void>;
}

/** Checks that belong together. */
export interface CheckGroup {
  readonly title: string;
  readonly checks: readonly Check[];
}

/** The device does something else. */
export class Difference extends Error {
  override readonly name = 'Difference';
  readonly expected: string;
  readonly seen: string;

  constructor(expected: string, seen: string) {
    super(`expected ${expected}, seen ${seen}`);
    this.expected = expected;
    this.seen = seen;
  }
}

/** The statement is about something that this device does not have, or that this user may not see. */
export class Inapplicable extends Error {
  override readonly name = 'Inapplicable';
}
