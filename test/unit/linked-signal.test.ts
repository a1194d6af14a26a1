import { strict as assert } from 'node:assert';
import { getEventListeners } from 'node:events';
import { linkSignals } from '../../src/linked-signal.js';

describe('a signal that is linked with others', () => {
  it('aborts with the first of them, for its reason', () => {
    const [one, other] = [new AbortController(), new AbortController()];
    const { signal } = linkSignals(one.signal, undefined, other.signal);
    assert.equal(signal.aborted, false);
    const reason = new Error('stopped');
    other.abort(reason);
    one.abort(new Error('later'));
    assert.equal(signal.reason, reason);
  });

  it('is aborted from the start when one of them is', () => {
    const reason = new Error('stopped');
    assert.equal(linkSignals(new AbortController().signal, AbortSignal.abort(reason)).signal.reason, reason);
  });

  it('leaves nothing with them once it is unlinked, however many there were', () => {
    const { signal: lasting } = new AbortController();
    const links = Array.from({ length: 100 }, () => linkSignals(lasting));
    assert.equal(getEventListeners(lasting, 'abort').length, 100);
    for (const { unlink } of links) unlink();
    assert.equal(getEventListeners(lasting, 'abort').length, 0);
  });

  it('does not abort any more once it is unlinked', () => {
    const controller = new AbortController();
    const { signal, unlink } = linkSignals(controller.signal);
    unlink();
    controller.abort();
    assert.equal(signal.aborted, false);
  });
});
