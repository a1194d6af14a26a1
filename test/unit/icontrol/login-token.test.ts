import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { markedTimeout, parseLoginToken, tokenMark } from '../../../src/icontrol/login-token.js';

describe('the mark of a login token', () => {
  it('is the same for a holder after a restart, and mostly another one for another', () => {
    assert.equal(tokenMark('mesh-agent-0'), tokenMark('mesh-agent-0'));
    const marks = new Set(Array.from({ length: 100 }, (_, index) => tokenMark(`mesh-agent-${index}`)));
    assert.ok(marks.size > 40, String(marks.size));
  });

  it('makes a timeout that nobody would choose, that leaves 20 minutes, and that devices take', () => {
    fc.assert(
      fc.property(fc.string(), fc.double({ min: 0, max: 33_000, noNaN: true }), (holder, age) => {
        const mark = tokenMark(holder);
        const timeout = markedTimeout(mark, age) ?? 0;
        assert.equal(timeout % 10, 7);
        assert.equal(timeout % 1200, mark);
        assert.ok(timeout >= age + 1200 && timeout < age + 2400 + mark && timeout <= 36_000);
      }),
    );
  });

  it('gives up when twenty minutes more would be over ten hours', () => {
    assert.equal(markedTimeout(7, 34_900), undefined);
  });
});

describe('parseLoginToken', () => {
  // As recorded on 13.1.0.8.
  const recorded = {
    token: 'TCJMWPGBQGPZPJYUCY57J2IITA',
    userName: 'admin',
    timeout: 1200,
    startTime: '2018-08-01T08:05:37.679-0700',
    address: '10.1.1.250',
    expirationMicros: 1_533_137_137_679_000,
  };

  it('reads what a device shows, and takes the start from the end', () => {
    const { value, ...rest } = parseLoginToken(recorded) ?? assert.fail();
    assert.equal(value.reveal(), recorded.token);
    assert.deepEqual(rest, {
      userName: 'admin',
      address: '10.1.1.250',
      timeoutSeconds: 1200,
      startedAtMs: Date.parse('2018-08-01T15:05:37.679Z'),
    });
  });

  it('takes no path and no nothing for a token', () => {
    for (const token of ['../../tm/sys/config', '', 'ABC', undefined, 7]) {
      assert.equal(parseLoginToken({ ...recorded, token }), undefined);
    }
    for (const json of [undefined, null, 'text', {}]) assert.equal(parseLoginToken(json), undefined);
  });
});
