import { strict as assert } from 'node:assert';
import { SessionStore } from '../../../../src/mock/data-plane/session-store.js';
import { FakeClock } from '../../../support/fake-clock.js';

const [first, second, third] = [Buffer.of(1), Buffer.of(2), Buffer.of(3)];
const session = Buffer.from('session');

describe('the sessions of a client SSL profile', () => {
  it('are found until their time is over', async () => {
    const clock = new FakeClock();
    const store = new SessionStore(clock);
    store.put(first, session, 10);
    await clock.advance(59_999);
    assert.equal(store.find(first, 60), session);
    await clock.advance(1);
    assert.equal(store.find(first, 60), undefined);
  });

  it('make room for new ones, the oldest first', () => {
    const store = new SessionStore(new FakeClock());
    for (const id of [first, second, third]) store.put(id, session, 2);
    assert.deepEqual(
      [first, second, third].map((id) => store.find(id, 60) !== undefined),
      [false, true, true],
    );
  });

  it('are gone once they are dropped', () => {
    const store = new SessionStore(new FakeClock());
    store.put(first, session, 2);
    store.drop(first);
    assert.equal(store.find(first, 60), undefined);
  });
});
