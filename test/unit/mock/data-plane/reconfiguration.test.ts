import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { AgentError } from '../../../../src/errors.js';
import type { Svid } from '../../../../src/spiffe/svid.js';
import { defaultAccount, TestBed, trustedSleep, virtualServer } from './test-bed.js';

describe('the data plane, while its configuration changes', () => {
  let bed: TestBed;
  let good: Svid;
  let bad: Svid;
  before(async () => {
    bed = await TestBed.start();
    good = await bed.ca.mint(trustedSleep);
    bad = await bed.ca.mint(defaultAccount);
  });
  after(() => bed.close());
  beforeEach(() => {
    bed.forget();
    return bed.apply();
  });

  it('leaves an open connection with the certificate, the rule and the member that it began with', async () => {
    const socket = connectTls(bed.callerOptions(good));
    await once(socket, 'secureConnect');
    socket.write('one ');
    await once(socket, 'data');
    const { port } = bed;
    const newLeaf = await bed.ca.mint('spiffe://cluster.local/ns/default/sa/bigip');
    const certKeyChain = [
      {
        certPem: newLeaf.renderLeafPem(),
        keyPem: newLeaf.renderKeyPem(),
        chainPem: newLeaf.renderChainPem(),
      },
    ];
    await bed.apply({
      allow: [],
      clientSsl: { certKeyChain },
      virtualServer: { pool: { fullPath: '/mesh/echo_pool', members: [] } },
    });
    assert.equal(bed.port, port, 'the listener stays');
    socket.write('two');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    assert.equal(answer.toString(), 'TWO');
    socket.destroy();
    await once(socket, 'close');

    await bed.apply({ clientSsl: { certKeyChain } });
    const next = connectTls(bed.callerOptions(good));
    await once(next, 'secureConnect');
    assert.equal(next.getPeerX509Certificate()?.fingerprint256, newLeaf.leaf.fingerprint256);
    next.destroy();
    await once(next, 'close');
  });

  it('decides the next connection by the allowlist of then', async () => {
    assert.equal((await bed.call(bad)).data, '');
    await bed.apply({ allow: [defaultAccount] });
    assert.equal((await bed.call(bad)).data, 'HI');
    assert.equal((await bed.call(good)).data, '');
  });

  it('takes no connections for a virtual server that is disabled or gone, and listens again later', async () => {
    const socket = connectTls(bed.callerOptions(good));
    await once(socket, 'secureConnect');
    await bed.apply({ virtualServer: { enabled: false } });
    assert.equal(bed.dataPlane.listeningAt(virtualServer), undefined);
    socket.write('still here');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    assert.equal(answer.toString(), 'STILL HERE');
    socket.destroy();
    await once(socket, 'close');
    await bed.apply();
    assert.equal((await bed.call(good)).data, 'HI');
  });

  it('uses pool members in turn', async () => {
    const second = createServer((socket) => socket.resume().end('second')).listen(0, '127.0.0.1');
    await once(second, 'listening');
    const members = [bed.echoPort, (second.address() as AddressInfo).port].map((port) => ({
      address: '127.0.0.1',
      port,
    }));
    await bed.apply({ virtualServer: { pool: { fullPath: '/mesh/echo_pool', members } } });
    const answers = [];
    for (let turn = 0; turn < 4; turn += 1) answers.push((await bed.call(good)).data);
    assert.deepEqual(answers.toSorted(), ['HI', 'HI', 'second', 'second']);
    second.close();
    await once(second, 'close');
  });

  it('names a virtual server that cannot listen, and applies the others', async () => {
    const [echo] = bed.configuration().virtualServers;
    assert.ok(echo);
    const elsewhere = { ...echo, fullPath: '/mesh/elsewhere', address: '192.0.2.1', port: 9000 };
    await assert.rejects(
      () => bed.dataPlane.apply({ ...bed.configuration(), virtualServers: [elsewhere, echo] }),
      (error) =>
        error instanceof AgentError &&
        error.code === 'MESH_ERR_MOCK_LISTEN' &&
        /\/mesh\/elsewhere/.test(error.message),
    );
    assert.equal((await bed.call(good)).data, 'HI');
  });

  it('closes a virtual server whose key is not that of its certificate, and tells nothing of the key', async () => {
    const profile = bed.configuration().virtualServers[0]?.clientSsl?.certKeyChain[0];
    assert.ok(profile);
    await assert.rejects(
      () => bed.apply({ clientSsl: { certKeyChain: [{ ...profile, keyPem: good.renderKeyPem() }] } }),
      (error) =>
        error instanceof AgentError &&
        error.code === 'MESH_ERR_MOCK_CLIENT_SSL' &&
        !/BEGIN/.test(error.message),
    );
    assert.equal(bed.dataPlane.listeningAt(virtualServer), undefined);
  });
});
