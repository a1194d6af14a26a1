import { AgentError } from '../errors.js';
import type { KubeClient } from '../kube/client.js';
import { describeRef, refOf } from '../kube/object.js';
import type { KubeKind, KubeObject } from '../kube/object.js';
import { describeProblem } from './validation/problem.js';
import { readServedSchemas } from './validation/served-schemas.js';
import { IstioValidator } from './validation/validate.js';
import type { ServedSchemas } from './validation/validate.js';

/**
 * Judges an object before it is written, by the definition that the cluster serves where it may be read, and by the
 * built-in rules in any case. Each definition is read once.
 */
export class ObjectJudge {
  readonly #kube: KubeClient;
  readonly #served = new Map<string, ServedSchemas>();
  readonly #builtIn = new IstioValidator();
  #withCel: IstioValidator | undefined;

  constructor(kube: KubeClient) {
    this.#kube = kube;
  }

  /** @throws AgentError MESH_ERR_MESH_INVALID_OBJECT; kinds that are not Istio's pass. */
  async judge(kind: KubeKind, object: KubeObject, signal?: AbortSignal): Promise<void> {
    if (!this.#builtIn.knows(kind)) return;
    const served = this.#served.get(kind.plural) ?? (await readServedSchemas(this.#kube, kind, { signal }));
    this.#served.set(kind.plural, served);
    const validator = served.size === 0 ? this.#builtIn : (this.#withCel ??= await loadWithCel());
    const errors = validator.validate(object, served).filter(({ level }) => level === 'error');
    const [first] = errors;
    if (first === undefined) return;
    const more = errors.length === 1 ? '' : ` (and ${errors.length - 1} more)`;
    throw new AgentError(
      'MESH_ERR_MESH_INVALID_OBJECT',
      `${describeRef(refOf(kind, object))} would be refused: ${describeProblem(first)}${more}`,
      'mend the service in the config file; if the definition in the cluster is newer than the agent, report this',
    );
  }
}

/** Loaded when it is needed: most runs write no object, or may not read the definitions. */
async function loadWithCel(): Promise<IstioValidator> {
  const { CelEvaluator } = await import('./validation/cel-evaluator.js');
  return new IstioValidator(new CelEvaluator());
}
