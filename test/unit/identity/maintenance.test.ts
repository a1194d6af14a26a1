import assert from 'node:assert/strict';

import * as fc from 'fast-check';

import { maintenanceWindow } from '../../../src/config/maintenance-window.js';
import { openSpans, renewalStart } from '../../../src/identity/maintenance.js';

const window = (text: object) => maintenanceWindow.parse(text);
const spans = (text: object, now: string): string[] =>
  openSpans([window(text)], new Date(now)).map(
    ({ from, to }) => `${from.toISOString().slice(0, 16)} ${to.toISOString().slice(0, 16)}`,
  );

describe('a maintenance window', () => {
  it('opens on its days', () => {
    // 2030-01-01 is a Tuesday.
    assert.deepEqual(
      spans({ days: ['sat', 'wed'], from: '01:00', to: '03:30' }, '2030-01-01T00:00:00Z').slice(0, 2),
      ['2030-01-02T01:00 2030-01-02T03:30', '2030-01-05T01:00 2030-01-05T03:30'],
    );
  });

  it('that goes over midnight belongs to the day on which it opens', () => {
    const friday = { days: ['fri'], from: '22:00', to: '04:00' };
    assert.deepEqual(spans(friday, '2030-01-05T03:59:00Z')[0], '2030-01-04T22:00 2030-01-05T04:00');
    assert.deepEqual(spans(friday, '2030-01-05T04:00:00Z')[0], '2030-01-11T22:00 2030-01-12T04:00');
  });

  it('is read on the wall clock of its time zone', () => {
    const night = { from: '02:00', to: '04:00', timeZone: 'Asia/Kolkata' };
    assert.deepEqual(spans(night, '2030-01-01T00:00:00Z')[0], '2030-01-01T20:30 2030-01-01T22:30');
  });

  // In Zurich 2030-03-31 has no 02:00 to 03:00, and 2030-10-27 has it twice.
  it('does not open in an hour that is left out, and is shorter around it', () => {
    const zone = { timeZone: 'Europe/Zurich' };
    const now = '2030-03-30T12:00:00Z';
    assert.deepEqual(
      spans({ from: '02:15', to: '02:45', ...zone }, now)[0],
      '2030-04-01T00:15 2030-04-01T00:45',
    );
    assert.deepEqual(spans({ from: '01:00', to: '04:00', ...zone }, now).slice(0, 3), [
      '2030-03-31T00:00 2030-03-31T01:00',
      '2030-03-31T01:00 2030-03-31T02:00',
      '2030-03-31T23:00 2030-04-01T02:00',
    ]);
  });

  it('is open in both hours where one comes twice', () => {
    assert.deepEqual(
      spans({ from: '02:00', to: '03:00', timeZone: 'Europe/Zurich' }, '2030-10-26T12:00:00Z').slice(0, 3),
      [
        '2030-10-27T00:00 2030-10-27T01:00',
        '2030-10-27T01:00 2030-10-27T02:00',
        '2030-10-28T01:00 2030-10-28T02:00',
      ],
    );
  });

  it('is open exactly when the wall clock shows a time within it, all year long, half hours included', () => {
    const zones = ['UTC', 'Europe/Zurich', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu'];
    const minutes = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
    const time = fc
      .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
      .map((parts) => parts.map((part) => String(part).padStart(2, '0')).join(':'));
    fc.assert(
      fc.property(
        fc.constantFrom(...zones),
        time,
        time,
        fc.integer({ min: 0, max: 366 * 1440 }),
        (timeZone, from, to, minute) => {
          fc.pre(from !== to);
          const at = new Date(Date.parse('2030-01-01T00:00:00Z') + minute * 60_000);
          const wall = at.toLocaleTimeString('en-GB', { timeZone, hour: '2-digit', minute: '2-digit' });
          const length = (minutes(to) - minutes(from) + 1440) % 1440;
          const isWithin = (minutes(wall) - minutes(from) + 1440) % 1440 < length;
          const open = openSpans([window({ from, to, timeZone })], at);
          assert.equal(
            open.some((span) => span.from <= at && at < span.to),
            isWithin,
            `${timeZone} ${wall}`,
          );
        },
      ),
    );
  });

  it('is refused when it is none', () => {
    for (const [bad, message] of [
      [{ from: '25:00', to: '01:00' }, /time of day/],
      [{ from: '24:00', to: '01:00' }, /before 24:00/],
      [{ from: '01:00', to: '01:00' }, /is empty/],
      [{ from: '01:00', to: '02:00', timeZone: 'Mars/Base' }, /no time zone/],
      [{ from: '01:00', to: '02:00', days: [] }, />=1/],
      [{ from: '01:00', to: '02:00', days: ['Monday'] }, /mon/],
    ] as const) {
      const parsed = maintenanceWindow.safeParse(bad);
      assert.match(parsed.error?.message ?? 'accepted', message);
    }
  });
});

describe('a renewal that is due', () => {
  const certificate = {
    notBefore: new Date('2030-01-01T00:00:00Z'),
    notAfter: new Date('2030-01-11T00:00:00Z'),
  };
  const begins = (at: string, text: object | undefined): string => {
    const now = new Date(at);
    return renewalStart(now, certificate, text && openSpans([window(text)], now)).toISOString();
  };
  const due = '2030-01-06T00:00:00.000Z';

  it('begins at once where there is no window, or in one', () => {
    assert.equal(begins(due, undefined), due);
    assert.equal(begins(due, { from: '23:00', to: '01:00' }), due);
  });

  it('waits for a window that opens while a fifth of the lifetime is left', () => {
    assert.equal(begins(due, { from: '03:00', to: '04:00' }), '2030-01-06T03:00:00.000Z');
    // The last moment is eight days of ten: 2030-01-09, a Wednesday, at midnight.
    assert.equal(begins(due, { days: ['wed'], from: '00:00', to: '01:00' }), '2030-01-09T00:00:00.000Z');
  });

  it('does not wait for one that opens later: the window yields to expiry', () => {
    assert.equal(begins(due, { days: ['wed'], from: '00:01', to: '01:00' }), due);
    const late = '2030-01-09T12:00:00.000Z';
    assert.equal(begins(late, { from: '13:00', to: '14:00' }), late);
  });
});
