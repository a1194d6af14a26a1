import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Svid } from '../../../../src/spiffe/svid.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { TestBed, trustedSleep, until } from './test-bed.js';

describe('the data plane, over time', () => {
  let clock: FakeClock;
  let timed: TestBed;
  let caller: Svid;
  before(async () => {
    clock = new FakeClock(new Date());
    timed = await TestBed.start({ clock });
    caller = await timed.ca.mint(trustedSleep);
  });
  after(() => timed.close());

  it('resets a client that does not finish its handshake', async () => {
    await timed.apply();
    const socket = connectTcp(timed.port, '127.0.0.1');
    const failed = once(socket, 'error') as Promise<[NodeJS.ErrnoException]>;
    await once(socket, 'connect');
    await until(() => clock.sleeping > 0);
    await clock.advance(10_000);
    assert.equal((await failed)[0].code, 'ECONNRESET');
  });

  it('ends a live connection within recheck seconds after its caller was taken off the list', async () => {
    const settings = { recheck: '30' };
    await timed.apply({ settings });
    const socket = connectTls(timed.callerOptions(caller));
    await once(socket, 'secureConnect');
    socket.write('hi');
    await once(socket, 'data');
    await clock.advance(30_000);
    socket.write('again');
    await once(socket, 'data');
    await timed.apply({ settings, allow: [] });
    timed.log.length = 0;
    const failed = once(socket, 'error') as Promise<[NodeJS.ErrnoException]>;
    await clock.advance(30_000);
    assert.equal((await failed)[0].code, 'ECONNRESET');
    await until(() => timed.memberConnections === 0);
    assert.deepEqual(timed.memberErrors, ['ECONNRESET'], 'the pool member hears of it as well');
    assert.match(
      timed.log[0] ?? '',
      /<CLIENTSSL_HANDSHAKE>: rejecting: spiffe:\/\/cluster\.local\/ns\/trusted\/sa\/sleep \(not-listed\)$/,
    );
  });

  it('ends it, too, when the data groups are gone', async () => {
    await timed.apply({ settings: { recheck: '5' } });
    const socket = connectTls(timed.callerOptions(caller));
    await once(socket, 'secureConnect');
    await timed.apply({ withoutDataGroups: true });
    const failed = once(socket, 'error') as Promise<[NodeJS.ErrnoException]>;
    await clock.advance(5000);
    assert.equal((await failed)[0].code, 'ECONNRESET');
  });

  it('admits nobody when recheck is no number of seconds', async () => {
    await timed.apply({ settings: { recheck: 'soon' } });
    assert.equal((await timed.call(caller)).error, 'ECONNRESET');
  });
});
