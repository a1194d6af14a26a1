import { strict as assert } from 'node:assert';
import { systemClock } from '../../src/clock.js';
import { DeviceConnections } from '../../src/device-connections.js';
import { silentLogger } from '../../src/log.js';
import { edgeConfig } from '../support/edge-config.js';
import { startDouble } from '../support/kube-api.js';

const [edge] = edgeConfig().devices;
assert.ok(edge !== undefined);
const unreadable = edge;
const readable = { ...edge, tls: { sha256: Array(32).fill('AB').join(':') } };

describe('connections to devices', () => {
  let api: Awaited<ReturnType<typeof startDouble>>;
  let connections: DeviceConnections;

  before(async () => {
    api = await startDouble();
  });
  after(() => api.close());
  beforeEach(() => {
    const { signal } = new AbortController();
    connections = new DeviceConnections({
      kube: api.kube,
      clock: systemClock,
      logger: silentLogger(),
      signal,
    });
  });
  afterEach(() => connections.close());

  it('are one a device, also for those who ask at the same moment', async () => {
    const [first, second] = await Promise.all([connections.of(readable), connections.of(readable)]);
    assert.equal(first, second);
  });

  it('that could not be prepared are tried again, with what can be read by then', async () => {
    await assert.rejects(connections.of(unreadable), { code: 'MESH_ERR_CONFIG_UNREADABLE' });
    assert.equal((await connections.of({ ...readable, name: unreadable.name })).units.length, 1);
  });
});
