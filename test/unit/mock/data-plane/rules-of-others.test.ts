import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import type { Svid } from '../../../../src/spiffe/svid.js';
import { TestBed, trustedSleep, until, virtualServer } from './test-bed.js';

describe('the data plane, with rules of others', () => {
  let bed: TestBed;
  let good: Svid;
  before(async () => {
    bed = await TestBed.start();
    good = await bed.ca.mint(trustedSleep);
  });
  after(() => bed.close());
  beforeEach(() => bed.forget());

  it('lets a rule collect, look at and release what a caller says, before the member hears it', async () => {
    const rule = `when CLIENTSSL_HANDSHAKE {
      SSL::collect 2
    }
    when CLIENTSSL_DATA {
      log local0. "collected [SSL::payload]"
      SSL::release
    }`;
    await bed.apply({ rules: [rule] });
    assert.equal((await bed.call(good)).data, 'HI');
    assert.deepEqual(bed.said(), ['Rule /mesh/spiffe_allowlist <CLIENTSSL_DATA>: collected hi']);
  });

  it('lets a rule refuse by what a caller says', async () => {
    const rule = `when CLIENT_ACCEPTED {
      TCP::collect
    }
    when CLIENT_DATA {
      if {[TCP::payload] eq "hi"} {
        reject
        event disable all
        return
      }
      TCP::release
    }`;
    await bed.apply({ clientSsl: 'none', rules: [rule] });
    const socket = connectTcp(bed.port, '127.0.0.1');
    socket.write('hi');
    const [failure] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
    assert.equal(failure.code, 'ECONNRESET');
    assert.deepEqual(bed.received, []);
  });

  it('says nothing at all to a client that a rule drops', async () => {
    const rule = 'when CLIENT_ACCEPTED { drop; log local0. dropped; event disable all; return }';
    await bed.apply({ clientSsl: 'none', rules: [rule] });
    const refused = (): number =>
      bed.dataPlane.statistics.snapshot().virtualServers[virtualServer]?.refusedConnections ?? 0;
    const before = refused();
    const socket = connectTcp(bed.port, '127.0.0.1');
    let heard = '';
    socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
    socket.on('error', (failure: NodeJS.ErrnoException) => (heard += failure.code));
    socket.on('end', () => (heard += 'end'));
    socket.write('hi');
    await until(() => bed.log.length > 0);
    assert.equal(heard, '');
    socket.destroy();
    await until(() => refused() === before + 1);
    assert.deepEqual(bed.received, []);
  });

  it('shows what a rule counts in a statistics profile, until the profile goes or the interpreter ends', async () => {
    const counters = { fullPath: '/mesh/c', fields: ['hits', 'misses'] };
    const count = 'log local0. [STATS::incr /mesh/c hits]; reject; event disable all; return';
    const settings = { clientSsl: 'none', rules: [`when CLIENT_ACCEPTED { ${count} }`] } as const;
    const virtual = { statisticsProfiles: [counters.fullPath] };
    const configuration = bed.configuration({ ...settings, virtualServer: virtual });
    const fields = () => bed.dataPlane.statistics.snapshot().fields;
    const call = async (): Promise<void> => {
      await once(connectTcp(bed.port, '127.0.0.1'), 'error');
    };
    await bed.dataPlane.apply({ ...configuration, statisticsProfiles: [counters] });
    await call();
    await call();
    assert.deepEqual(fields(), { '/mesh/c': { hits: 2, misses: 0 } });
    const interpreter = Number(/tmm\[(\d+)\]/.exec(bed.log[0] ?? '')?.[1]);
    process.kill(interpreter);
    await until(() => fields()['/mesh/c']?.['hits'] === 0);
    await call();
    assert.deepEqual(fields(), { '/mesh/c': { hits: 1, misses: 0 } });
    await bed.dataPlane.apply(configuration);
    assert.deepEqual(fields(), {});
    await bed.dataPlane.apply({ ...configuration, statisticsProfiles: [counters] });
    assert.deepEqual(fields(), { '/mesh/c': { hits: 0, misses: 0 } });
  });

  it('ends a connection in good order when a rule closes it', async () => {
    await bed.apply({
      clientSsl: 'none',
      rules: ['when CLIENT_ACCEPTED { TCP::close; event disable all; return }'],
    });
    const socket = connectTcp(bed.port, '127.0.0.1');
    let heard = '';
    for await (const chunk of socket) heard += String(chunk);
    assert.equal(heard, '');
    assert.deepEqual(bed.received, []);
  });

  it('knows the names of a certificate as X509 commands give them', async () => {
    const rule = `when CLIENTSSL_CLIENTCERT {
      set c [SSL::cert 0]
      log local0. "[X509::subject $c]|[X509::issuer $c]|[X509::version $c]|[SSL::cipher version]"
    }`;
    await bed.apply({ rules: [rule] });
    await bed.call(good);
    assert.match(bed.said()[0] ?? '', /: \|.*CN ?= ?Intermediate CA.*\|2\|TLSv1\.2$/);
  });

  it('survives a rule that never ends, and resets every connection', async () => {
    const impatient = await TestBed.start({ eventTimeLimitMs: 100 });
    try {
      const caller = await impatient.ca.mint(trustedSleep);
      await impatient.apply({
        rules: [
          'when CLIENTSSL_HANDSHAKE { regexp {^(a*)(a*)(a*)(a*)\\1\\2\\3\\4b$} [string repeat a 401]b }',
        ],
      });
      assert.equal((await impatient.call(caller)).error, 'ECONNRESET');
      await impatient.apply();
      assert.equal((await impatient.call(caller)).data, 'HI');
    } finally {
      await impatient.close();
    }
  });
});
