/**
 * What an error means for whoever called.
 *
 * - `invalid`: the input (flags, config, allowlist) is wrong; nothing was tried. Exit code 3.
 * - `refused`: somebody, or a rule of ours, said no; repeating changes nothing. Exit code 1.
 * - `transient`: the same call may pass later. Exit code 1.
 * - `bug`: the agent itself is at fault. Exit code 1.
 */
export type Consequence = 'invalid' | 'refused' | 'transient' | 'bug';

interface CatalogueEntry {
  readonly consequence: Consequence;
  /** One sentence for docs/reference/errors.md. */
  readonly meaning: string;
}

/** Every error that the agent raises. A code, once released, is never used for something else. */
export const errorCatalogue = {
  MESH_ERR_USAGE: { consequence: 'invalid', meaning: 'A flag or argument of the command line is wrong.' },
  MESH_ERR_BUG: {
    consequence: 'bug',
    meaning: 'The agent met a state that its code rules out; please report it.',
  },
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof errorCatalogue;

/**
 * An error that a person can act on: one line that names the thing, and the next step.
 *
 * Foreign errors are translated into this at the boundary and dropped; they are never attached as `cause`,
 * because HTTP client errors carry tokens and request bodies.
 */
export class AgentError extends Error {
  override readonly name = 'AgentError';
  readonly code: ErrorCode;
  /** What the reader should do next, as an imperative sentence without a full stop. */
  readonly nextStep: string;

  constructor(code: ErrorCode, message: string, nextStep: string) {
    super(message);
    this.code = code;
    this.nextStep = nextStep;
  }

  get consequence(): Consequence {
    return errorCatalogue[this.code].consequence;
  }
}
