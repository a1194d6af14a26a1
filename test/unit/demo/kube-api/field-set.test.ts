import { strict as assert } from 'node:assert';

import { array, assert as check, constantFrom, oneof, property, tuple } from 'fast-check';

import { FieldSet, describePath } from '../../../../src/demo/kube-api/managed-fields/field-set.js';

const element = oneof(
  tuple(constantFrom('f:'), constantFrom('spec', 'ports', 'a.b/c')).map((parts) => parts.join('')),
  constantFrom('k:{"port":80,"protocol":"TCP"}', 'v:"x"'),
);
const fieldSet = array(array(element, { minLength: 1, maxLength: 4 }), { maxLength: 8 }).map(
  (paths) => new FieldSet(paths),
);

describe('a set of fields', () => {
  it('is the same after it was written and read', () => {
    check(
      property(fieldSet, (set) => {
        assert.ok(FieldSet.fromFieldsV1(set.toFieldsV1()).equals(set));
      }),
    );
  });

  it('is what is in both and what is in the first alone', () => {
    check(
      property(fieldSet, fieldSet, (a, b) => {
        assert.ok(a.intersection(b).union(a.without(b)).equals(a));
        assert.equal(a.without(b).intersection(b).size, 0);
      }),
    );
  });

  it('marks an owned item apart from the fields in it', () => {
    const item = ['f:ports', 'k:{"port":80}'];
    const set = new FieldSet([item, [...item, 'f:name']]);
    assert.deepEqual(set.toFieldsV1(), { 'f:ports': { 'k:{"port":80}': { '.': {}, 'f:name': {} } } });
  });

  it('names its fields as conflicts do', () => {
    const path = ['f:spec', 'f:ports', 'k:{"port":80,"protocol":"TCP"}', 'f:name'];
    assert.equal(describePath(path), '.spec.ports[port=80,protocol="TCP"].name');
  });
});
