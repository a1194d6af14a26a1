import { strict as assert } from 'node:assert';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { CelEvaluator } from '../../../../src/mesh/validation/cel-evaluator.js';
import { describeProblem } from '../../../../src/mesh/validation/problem.js';
import { readManifest } from './read-manifest.js';
import { IstioValidator } from '../../../../src/mesh/validation/validate.js';
import { sharedData } from '../../../support/shared-data.js';
import { skipBecause } from '../../../support/skip.js';
import { readSchemas } from './published-definitions.js';

interface Row {
  readonly file: string;
  readonly verdict: string;
  readonly expected: string;
  readonly checkedBy: string;
}

function readRows(index: string): Row[] {
  return index.split('\n').flatMap((line) => {
    const [, file = '', , verdict = '', expected = '', checkedBy = ''] = line
      .split('|')
      .map((cell) => cell.trim());
    return file.endsWith('.yaml') ? [{ file, verdict, expected, checkedBy }] : [];
  });
}

describe("Istio's validation samples", () => {
  const folder = sharedData('istio');
  if (folder === undefined) {
    it('are judged as their index says', function () {
      skipBecause(this, "Istio's validation samples are not beside the checkout");
    });
    return;
  }
  const validator = new IstioValidator(new CelEvaluator());
  const rows = readRows(readFileSync(join(folder, 'samples', 'INDEX.md'), 'utf8'));
  const served = readSchemas(join(folder, 'crds'));
  const read = (file: string): unknown => {
    const manifest = readManifest(readFileSync(join(folder, 'samples', file), 'utf8'));
    assert.ok(manifest.ok);
    assert.equal(manifest.value.length, 1);
    return manifest.value[0];
  };

  it('are all in the index', () => {
    const files = readdirSync(join(folder, 'samples')).filter((name) => name.endsWith('.yaml'));
    assert.deepEqual(rows.map(({ file }) => file).sort(), files.sort());
    assert.ok(rows.length >= 40);
  });

  for (const [how, schemas] of [
    ['by the built-in schemas', undefined],
    ['by the schemas that a cluster serves', served],
  ] as const) {
    for (const { file, verdict, expected } of rows) {
      it(`${how}: ${file}`, () => {
        const problems = validator.validate(read(file), schemas);
        const errors = problems.filter(({ level }) => level === 'error').map(describeProblem);
        if (verdict === 'valid') assert.deepEqual(errors, []);
        else
          assert.ok(
            errors.some((error) => error.includes(expected)),
            `${expected}\n${errors.join('\n')}`,
          );
      });
    }
  }

  // The API server's own share, without the built-in rules: structure and CEL find what they are said to find.
  for (const { file, expected, checkedBy } of rows.filter(({ verdict }) => verdict === 'invalid')) {
    const isSchema = checkedBy.startsWith('CRD schema');
    it(`${isSchema ? 'the schema alone refuses' : 'the schema alone takes'} ${file}`, () => {
      const bySchema = validator
        .validate(read(file), served)
        .filter(({ level, source }) => level === 'error' && (source === 'schema' || source === 'CEL'))
        .map(describeProblem);
      if (!isSchema) assert.deepEqual(bySchema, []);
      else
        assert.ok(
          bySchema.some((error) => error.includes(expected)),
          bySchema.join('\n'),
        );
    });
  }

  it('leave no rule in CEL without a verdict', () => {
    const unread = rows.flatMap(({ file }) =>
      validator
        .validate(read(file), served)
        .filter(({ reason }) => reason.includes('left to the API server')),
    );
    assert.deepEqual(unread, []);
  });
});
