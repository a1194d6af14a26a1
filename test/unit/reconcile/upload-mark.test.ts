import { strict as assert } from 'node:assert';
import { epochOfUpload, uploadMark } from '../../../src/reconcile/upload-mark.js';

const random = '0123456789abcdef';

describe('the mark of an upload', () => {
  it('tells the epoch to whoever works in the same partition', () => {
    for (const epoch of [0, 7, 0xffff_ffff]) {
      const mark = uploadMark('mesh', epoch);
      assert.match(mark, /^[0-9a-f]{16}$/);
      assert.equal(epochOfUpload(`mesh-${mark}${random}`, 'mesh'), epoch);
    }
  });

  it('tells nothing to an agent of another partition, and of files of others', () => {
    const name = `mesh-${uploadMark('mesh', 7)}${random}`;
    assert.equal(epochOfUpload(name, 'edge'), undefined);
    for (const other of ['app.crt', `mesh-${random}${random}`, `${name}.crt`, `old-${name}`]) {
      assert.equal(epochOfUpload(other, 'mesh'), undefined, other);
    }
  });
});
