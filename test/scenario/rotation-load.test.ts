import { strict as assert } from 'node:assert';
import { rotateUnderLoad } from '../bench/rotation-load.js';
import type { RotationLoad } from '../bench/rotation-load.js';

/** `npm run bench` does the same a thousand times. */
const rotations = 20;

describe('rotations under a steady load of callers', function () {
  this.timeout(60_000);
  let seen: RotationLoad;

  before(async () => {
    seen = await rotateUnderLoad({ rotations, callers: 2, longLived: 12 });
  });

  it('fail no handshake and break no connection, whichever certificate it was made with', () => {
    assert.deepEqual(seen.failures, []);
    assert.ok(seen.handshakes >= rotations, `${seen.handshakes} handshakes are no load`);
    assert.equal(seen.generations, 7, 'connections were made with the first certificate and six later ones');
    assert.ok(seen.exchanges >= rotations * 6 + 12, `${seen.exchanges} exchanges`);
  });

  it('serve certificates that were installed and no others, each with its own key and chain', () => {
    assert.equal(seen.unknownCertificates, 0);
    assert.equal(seen.mixedPairs, 0);
  });

  it('leave nothing behind: no object, upload, transaction or login', () => {
    assert.deepEqual(seen.leftovers, []);
  });

  it('take at most 10 requests to swap a pair, 18 with its removal, and 16 KiB', () => {
    assert.ok(seen.swapRequests > 0 && seen.swapRequests <= 10, String(seen.swapRequests));
    assert.ok(seen.requests > seen.swapRequests && seen.requests <= 18, String(seen.requests));
    assert.ok(seen.bytes <= 16_384, String(seen.bytes));
  });
});
