import assert from 'node:assert/strict';

import { RenewalPace } from '../../../src/identity/renewal-pace.js';
import type { DueRenewal } from '../../../src/identity/renewal-pace.js';
import { FakeClock } from '../../support/fake-clock.js';

describe('RenewalPace', () => {
  let clock: FakeClock;
  let pace: RenewalPace;
  beforeEach(() => {
    clock = new FakeClock();
    pace = new RenewalPace({ clock });
  });

  /** Due, and expiring after so many minutes. */
  const due = (service: string, minutes: number): DueRenewal => ({
    service,
    fingerprint256: `of ${service}`,
    notAfter: new Date(new Date('2030-01-01T00:00:00Z').getTime() + minutes * 60_000),
  });
  const admit = (device: string, ...renewals: DueRenewal[]): string[] => [...pace.admit(device, renewals)];

  it('lets five begin, and five more ten seconds after these have ended', async () => {
    const all = Array.from({ length: 12 }, (_, index) => due(`s-${index}`, index + 1));
    assert.deepEqual(admit('edge', ...all), ['s-0', 's-1', 's-2', 's-3', 's-4']);
    await clock.advance(60_000);
    assert.deepEqual(admit('other', due('x', 99)), [], 'they are under way');
    pace.ended('edge');
    await clock.advance(10_000);
    assert.deepEqual(admit('edge', ...all.slice(5)), [], 'ten seconds ago is within ten seconds');
    assert.equal(pace.nextTurn('edge').getTime() - clock.now().getTime(), 1);
    await clock.advance(1);
    assert.deepEqual(admit('edge', ...all.slice(5)), ['s-5', 's-6', 's-7', 's-8', 's-9']);
  });

  it('takes what expires first, in whatever order it is asked', () => {
    const all = [50, 10, 40, 20, 60, 30].map((minutes) => due(`s-${minutes}`, minutes));
    assert.deepEqual(admit('edge', ...all).toSorted(), ['s-10', 's-20', 's-30', 's-40', 's-50']);
  });

  it('keeps a place for another device whose certificate expires sooner and is about to ask', async () => {
    admit('one', ...[1, 2, 3, 4, 5].map((minutes) => due(`a-${minutes}`, minutes)));
    assert.deepEqual(admit('two', due('urgent', 6)), []);
    pace.ended('one');
    await clock.advance(10_001);
    pace.nextTurn('two');
    const later = [7, 8, 9, 10, 11].map((minutes) => due(`b-${minutes}`, minutes));
    assert.deepEqual(admit('one', ...later), ['b-7', 'b-8', 'b-9', 'b-10']);
    assert.deepEqual(admit('two', due('urgent', 6)), ['urgent']);
  });

  it('keeps it no longer than half a minute: the device may be away', async () => {
    admit('one', ...[1, 2, 3, 4, 5].map((minutes) => due(`a-${minutes}`, minutes)));
    admit('two', due('gone', 6));
    pace.ended('one');
    await clock.advance(30_001);
    assert.equal(admit('one', ...[7, 8, 9, 10, 11].map((minutes) => due(`b-${minutes}`, minutes))).length, 5);
  });

  it('lets what cannot be renewed keep nobody waiting', async () => {
    const hopeless = [1, 2, 3, 4, 5].map((minutes) => due(`h-${minutes}`, minutes));
    admit('edge', ...hopeless);
    pace.ended('edge');
    await clock.advance(10_001);
    assert.deepEqual(admit('edge', ...hopeless, due('s', 99)), ['s', 'h-1', 'h-2', 'h-3', 'h-4']);
  });

  it('forgets tries of an earlier certificate', async () => {
    admit('edge', due('s', 50));
    pace.ended('edge');
    await clock.advance(10_001);
    const renewed = { ...due('s', 50), fingerprint256: 'another' };
    const others = [51, 52, 53, 54, 55].map((minutes) => due(`s-${minutes}`, minutes));
    assert.deepEqual(admit('edge', renewed, ...others), ['s', 's-51', 's-52', 's-53', 's-54']);
  });

  it('lets the one that is under way go on when it asks again', () => {
    assert.deepEqual(admit('edge', due('s', 1)), ['s']);
    assert.deepEqual(admit('edge', due('s', 1)), ['s']);
  });

  it('tells each device when its turn comes', () => {
    admit('one', ...[1, 2, 3, 4, 5].map((minutes) => due(`a-${minutes}`, minutes)));
    pace.ended('one');
    for (let index = 0; index < 5; index += 1) admit('two', due(`b-${index}`, 10));
    admit('three', due('c', 20));
    const inMs = (device: string): number => pace.nextTurn(device).getTime() - clock.now().getTime();
    assert.equal(inMs('two'), 10_001);
    assert.equal(inMs('three'), 20_002);
    assert.equal(inMs('four'), 0);
  });
});
