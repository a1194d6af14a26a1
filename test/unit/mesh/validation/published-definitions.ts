import { strict as assert } from 'node:assert';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import type { KubeObject } from '../../../../src/kube/object.js';
import { readManifest } from './read-manifest.js';
import { schemasOf } from '../../../../src/mesh/validation/served-schemas.js';
import type { StructuralSchema } from '../../../../src/mesh/validation/structural-schema.js';
import { describeType } from '../../../../src/mesh/validation/validate.js';
import type { ServedSchemas } from '../../../../src/mesh/validation/validate.js';

/** The definitions of a folder. */
export function readDefinitions(folder: string): KubeObject[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .flatMap((file) => {
      const manifest = readManifest(readFileSync(join(folder, file), 'utf8'));
      assert.ok(manifest.ok);
      return manifest.value as KubeObject[];
    });
}

/** Every served version has the same schema; the published files keep one of them. */
export function readSchemas(folder: string): ServedSchemas {
  const all = new Map<string, StructuralSchema>();
  for (const definition of readDefinitions(folder)) {
    for (const [type, schema] of schemasOf(definition)) {
      const [apiVersion = '', kind = ''] = type.split(' ');
      for (const version of ['v1', 'v1beta1', 'v1alpha3']) {
        all.set(describeType({ apiVersion: `${apiVersion.split('/')[0]}/${version}`, kind }), schema);
      }
    }
  }
  return all;
}
