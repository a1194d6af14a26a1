/** Something that the API server or istiod would refuse, or that does not do what it seems to. */
export interface Problem {
  /** `error`: the object is refused; `warning`: it is taken and may disappoint. */
  readonly level: 'error' | 'warning';
  /** `spec.ports[0].number` */
  readonly path: string;
  /** In the words of the API server or of istiod where they have some, so that people find them again. */
  readonly reason: string;
  /** Whose rule it is: `schema`, `CEL`, or the place in Istio's source. */
  readonly source: string;
}

/** Where a rule of istiod's webhook stands, in Istio 1.30. */
export const webhook = 'pkg/config/validation/validation.go';

/** `spec.ports: Duplicate value`, as one line. */
export function describeProblem({ path, reason }: Problem): string {
  return path === '' ? reason : `${path}: ${reason}`;
}

/** Collects the problems that one rule set finds. */
export class Findings {
  readonly problems: Problem[] = [];
  readonly #source: string;

  constructor(source: string) {
    this.#source = source;
  }

  error(path: string, reason: string): void {
    this.problems.push({ level: 'error', path, reason, source: this.#source });
  }

  warning(path: string, reason: string): void {
    this.problems.push({ level: 'warning', path, reason, source: this.#source });
  }

  /** Adds a refusal, if there is one. */
  check(path: string, refusal: string | undefined): void {
    if (refusal !== undefined) this.error(path, refusal);
  }
}
