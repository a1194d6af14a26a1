import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { parseFingerprint256 } from '../../../src/icontrol/trust.js';
import { mintFactoryCertificate, mintIssuedCertificate } from './device-certificate.js';
import { advanceUntil, ScriptedDevice } from './scripted-device.js';
import { FakeClock } from '../../support/fake-clock.js';
import { skipBecause } from '../../support/skip.js';

const ready = { method: 'GET', path: '/mgmt/tm/sys/ready' } as const;

describe('DeviceTrust', () => {
  let device: ScriptedDevice;
  afterEach(() => device.stop());

  it('accepts the factory certificate, which names nobody, by its fingerprint', async () => {
    device = await ScriptedDevice.start();
    const client = device.client();
    for (let call = 0; call < 5; call += 1) await client.request(ready);
    assert.equal(device.connections, 1);
  });

  it('takes the fingerprint in any spelling', async () => {
    device = await ScriptedDevice.start();
    const fingerprint256 = device.fingerprint256.replaceAll(':', '').toLowerCase();
    await device.client({ tls: { fingerprint256 } }).request(ready);
  });

  it('refuses a CA file or a fingerprint that says nothing, instead of falling back on other trust', async () => {
    device = await ScriptedDevice.start();
    const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    for (const tls of [{ caPem: '' }, { caPem: 'no PEM' }, { caPem: broken }, { fingerprint256: 'AB:CD' }]) {
      assert.throws(() => device.client({ tls }), { code: 'MESH_ERR_CONFIG_INVALID' });
    }
  });

  it('accepts a pinned certificate that has expired: the pin is the whole statement', async () => {
    device = await ScriptedDevice.start(undefined, mintFactoryCertificate(new Date('2021-01-01')));
    await device.client().request(ready);
  });

  it('sends no byte of a request to a device that shows another certificate', async () => {
    device = await ScriptedDevice.start();
    const fingerprint256 = mintFactoryCertificate().fingerprint256;
    const client = device.client({ tls: { fingerprint256 } });
    await assert.rejects(client.request(ready), {
      code: 'MESH_ERR_DEVICE_CERTIFICATE',
      consequence: 'refused',
      message: new RegExp(device.fingerprint256),
      outcomeUnknown: false,
    });
    assert.deepEqual(device.asked, []);
  });

  it('accepts a certificate that the given CA issued for this host', async () => {
    const certificate = mintIssuedCertificate({ ip: '127.0.0.1' });
    device = await ScriptedDevice.start(undefined, certificate);
    const client = device.client({ tls: { caPem: certificate.caPem } });
    for (let call = 0; call < 5; call += 1) await client.request(ready);
    assert.equal(device.connections, 1);
  });

  it('refuses a certificate of the right CA for another host', async () => {
    const certificate = mintIssuedCertificate({ dns: 'other.example' });
    device = await ScriptedDevice.start(undefined, certificate);
    await assert.rejects(device.client({ tls: { caPem: certificate.caPem } }).request(ready), {
      code: 'MESH_ERR_DEVICE_CERTIFICATE',
    });
    assert.deepEqual(device.asked, []);
  });

  it('accepts the device certificate itself as the CA file, self-signed or issued, whatever its name', async () => {
    const certificates = [mintFactoryCertificate(), mintIssuedCertificate({ dns: 'other.example' })];
    for (const certificate of certificates) {
      device = await ScriptedDevice.start(undefined, certificate);
      const caPem = mintFactoryCertificate().certPem + certificate.certPem;
      await device.client({ tls: { caPem } }).request(ready);
      await device.stop();
    }
  });

  it('refuses a device whose certificate nothing vouches for', async () => {
    device = await ScriptedDevice.start();
    for (const tls of [{ caPem: mintFactoryCertificate().certPem }, {}]) {
      await assert.rejects(device.client({ tls }).request(ready), { code: 'MESH_ERR_DEVICE_CERTIFICATE' });
    }
    assert.deepEqual(device.asked, []);
  });

  it('reaches a management port that has an IPv6 address', async function () {
    if (!Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === '::1'))) {
      skipBecause(this, 'this machine has no ::1');
    }
    device = await ScriptedDevice.start(undefined, undefined, '::1');
    await device.client().request(ready);
    assert.match(device.client().device, /^\[::1\]:\d+$/);
  });

  it('bounds a handshake that never comes by the deadline of the call', async () => {
    device = await ScriptedDevice.start();
    const mute = createServer();
    mute.listen(0, '127.0.0.1');
    await once(mute, 'listening');
    const clock = new FakeClock();
    const client = device.client({
      url: `https://127.0.0.1:${(mute.address() as AddressInfo).port}`,
      clock,
      timeoutMs: 5000,
    });
    const sockets: Socket[] = [];
    mute.on('connection', (socket) => sockets.push(socket));
    const call = client.request(ready);
    const refused = assert.rejects(call, { code: 'MESH_ERR_DEVICE_TIMEOUT' });
    await advanceUntil(clock, call);
    await refused;
    await client.close();
    for (const socket of sockets) socket.destroy();
    mute.close();
  });
});

describe('parseFingerprint256', () => {
  it('reads the spellings of openssl, of browsers and of the device', () => {
    const plain = 'ab'.repeat(32);
    const colons = Array(32).fill('AB').join(':');
    for (const text of [plain, colons, `sha256:${plain}`, `SHA256/${colons}`, `SHA256=${colons}`]) {
      assert.deepEqual(parseFingerprint256(text), { ok: true, value: colons });
    }
  });

  it('refuses anything that is not 64 hex digits', () => {
    for (const text of ['', 'ab', 'zz'.repeat(32), 'ab'.repeat(20), `${'ab'.repeat(32)}00`]) {
      assert.equal(parseFingerprint256(text).ok, false);
    }
  });
});
