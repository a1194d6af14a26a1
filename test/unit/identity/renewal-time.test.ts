import assert from 'node:assert/strict';

import * as fc from 'fast-check';

import { renewalTime } from '../../../src/identity/renewal-time.js';

const notBefore = new Date('2030-01-01T00:00:00Z');
const notAfter = new Date('2030-01-02T00:00:00Z');

describe('renewalTime', () => {
  it('lies within the last tenth before the share that was asked for', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.05, max: 0.95, noNaN: true }),
        fc.string(),
        fc.string(),
        (renewAt, device, service) => {
          const at = renewalTime({ notBefore, notAfter, renewAt, device, service }).getTime();
          const latest = notBefore.getTime() + 86_400_000 * renewAt;
          assert.ok(at <= latest + 1);
          assert.ok(at >= latest - 86_400_000 * renewAt * 0.1 - 1);
        },
      ),
    );
  });

  it('is the same after a restart', () => {
    const options = { notBefore, notAfter, renewAt: 0.5, device: 'edge', service: 'echo' };
    assert.deepEqual(renewalTime(options), renewalTime({ ...options }));
  });

  it('spreads the services of one device over the tenth', () => {
    const minutes = Array.from({ length: 200 }, (_, index) => {
      const at = renewalTime({
        notBefore,
        notAfter,
        renewAt: 0.5,
        device: 'edge',
        service: `service-${index}`,
      });
      return Math.floor((at.getTime() - notBefore.getTime()) / 60_000);
    });
    // 72 minutes, of which 200 services evenly spread hit more than 50.
    assert.ok(new Set(minutes).size > 50);
    assert.ok(Math.max(...minutes) - Math.min(...minutes) > 60);
  });

  it('is a minute after the last one at the soonest, however short the lifetime is', () => {
    const options = { notBefore, notAfter, renewAt: 0.5, device: 'edge', service: 'echo' };
    const share = renewalTime(options);
    const installedAt = new Date(share.getTime() - 59_999);
    assert.equal(renewalTime({ ...options, installedAt }).getTime(), share.getTime() + 1);
    const longAgo = new Date(share.getTime() - 60_000);
    assert.deepEqual(renewalTime({ ...options, installedAt: longAgo }), share);
  });

  it('tells device a/b with service c from device a with service b/c', () => {
    const options = { notBefore, notAfter, renewAt: 0.5 };
    assert.notDeepEqual(
      renewalTime({ ...options, device: 'a/b', service: 'c' }),
      renewalTime({ ...options, device: 'a', service: 'b/c' }),
    );
  });
});
