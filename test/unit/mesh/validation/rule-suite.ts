import { strict as assert } from 'node:assert';
import { join } from 'node:path';

import { CelEvaluator } from '../../../../src/mesh/validation/cel-evaluator.js';
import { describeProblem } from '../../../../src/mesh/validation/problem.js';
import { IstioValidator } from '../../../../src/mesh/validation/validate.js';
import { sharedData } from '../../../support/shared-data.js';
import { readSchemas } from './published-definitions.js';

/** What is changed in the valid object, and part of the refusal; without one it stays valid. */
type Case = readonly [what: string, spec: object, refusal?: string];

export const validator = new IstioValidator(new CelEvaluator());
const folder = sharedData('istio');
const served = folder === undefined ? undefined : readSchemas(join(folder, 'crds'));

/** Judges each case by the built-in schemas, and where they are at hand by the published definitions as well. */
export function ruleSuite(apiVersion: string, kind: string, valid: object, cases: readonly Case[]): void {
  describe(`a ${kind}`, () => {
    const errorsOf = (spec: object, schemas = served): string[] =>
      validator
        .validate({ apiVersion, kind, metadata: { name: 'a', namespace: 'default' }, spec }, schemas)
        .filter(({ level }) => level === 'error')
        .map(describeProblem);
    const both: ReadonlyArray<typeof served> = served === undefined ? [new Map()] : [new Map(), served];

    it('that is as it should be is taken', () => {
      for (const schemas of both) assert.deepEqual(errorsOf(valid, schemas), []);
    });
    for (const [what, change, refusal] of cases) {
      it(`is ${refusal === undefined ? 'taken' : 'refused'} with ${what}`, () => {
        for (const schemas of both) {
          const errors = errorsOf({ ...valid, ...change }, schemas);
          if (refusal === undefined) assert.deepEqual(errors, []);
          else
            assert.ok(
              errors.some((error) => error.includes(refusal)),
              errors.join('\n') || 'no error',
            );
        }
      });
    }
  });
}
