import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { parseDestination, renderDestination } from '../../../src/icontrol/destination.js';
import type { Destination } from '../../../src/icontrol/destination.js';

const spellings: readonly (readonly [string, Destination])[] = [
  ['/Common/10.0.0.1:9000', { folder: '/Common', address: '10.0.0.1', port: 9000 }],
  ['/Common/10.0.0.1%10:80', { folder: '/Common', address: '10.0.0.1', routeDomain: 10, port: 80 }],
  ['/mesh/app/10.0.0.1:80', { folder: '/mesh/app', address: '10.0.0.1', port: 80 }],
  ['/Common/2001:db8::1.80', { folder: '/Common', address: '2001:db8::1', port: 80 }],
  ['/Common/2001:db8::1%2.80', { folder: '/Common', address: '2001:db8::1', routeDomain: 2, port: 80 }],
  ['::.0', { address: '::', port: 0 }],
  ['10.1.20.5:9000', { address: '10.1.20.5', port: 9000 }],
  ['any:0', { address: 'any', port: 0 }],
  ['any6.0', { address: 'any6', port: 0 }],
  ['0.0.0.0:0', { address: '0.0.0.0', port: 0 }],
];

describe('parseDestination', () => {
  for (const [text, value] of spellings) {
    it(`reads and writes ${text}`, () => {
      assert.deepEqual(parseDestination(text), { ok: true, value });
      assert.equal(renderDestination(value), text);
    });
  }

  it('brings IPv6 into the one form that can be compared', () => {
    const read = parseDestination('/Common/2001:0DB8:0:0::0001.443');
    assert.equal(read.ok && read.value.address, '2001:db8::1');
  });

  it('refuses what it cannot read, and says why', () => {
    for (const text of [
      '',
      '10.0.0.1',
      '10.0.0.1:http',
      '10.0.0.1:65536',
      '10.0.0.300:80',
      '/Common/name:80',
      '/Common/2001:db8::1:80',
      '/10.0.0.1:80',
      '10.0.0.1%a:80',
      '10.0.0.1%1%2:80',
      '10.0.0.1%:80',
    ]) {
      const read = parseDestination(text);
      assert.equal(read.ok, false, text);
    }
  });

  it('reads whatever renderDestination writes', () => {
    const address = fc.oneof(
      fc.ipV4(),
      fc
        .ipV6()
        .filter((text) => !text.includes('.'))
        .map((text) => new URL(`https://[${text}]`).hostname.slice(1, -1)),
    );
    const destination = fc.record(
      {
        folder: fc.constantFrom('/Common', '/mesh', '/mesh/app'),
        address,
        routeDomain: fc.integer({ min: 0, max: 65_534 }),
        port: fc.integer({ min: 0, max: 65_535 }),
      },
      { requiredKeys: ['address', 'port'], noNullPrototype: true },
    );
    fc.assert(
      fc.property(destination, (value) => {
        assert.deepEqual(parseDestination(renderDestination(value)), { ok: true, value });
      }),
    );
  });
});
