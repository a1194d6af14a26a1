import { strict as assert } from 'node:assert';

import { parse } from 'yaml';

import { nextStatus, unknownStatus } from '../../../src/controller/device-status.js';
import type { DeviceStatus, Outcome } from '../../../src/controller/device-status.js';
import { renderStatusConfigMap, StatusWriter } from '../../../src/controller/status-config-map.js';
import { AgentError } from '../../../src/errors.js';
import { kinds } from '../../../src/kube/kinds.js';
import type { KubeObject } from '../../../src/kube/object.js';
import { silentLogger } from '../../../src/log.js';
import { startTestKubeApi } from '../../support/kube-api.js';
import type { TestKubeApi } from '../../support/kube-api.js';

const { signal } = new AbortController();
const refusal = { namespace: 'default', configMap: 'callers', key: 'allow', line: 2, reason: 'why' };

function outcome(at: string, parts: Partial<Outcome> = {}): Outcome {
  return { at: new Date(at), wasRead: true, serviceFailures: new Map(), quarantines: new Map(), ...parts };
}
const away = new AgentError('MESH_ERR_DEVICE_UNREACHABLE', 'edge does not answer', 'look');
const denied = new AgentError('MESH_ERR_DEVICE_ACCESS_DENIED', 'edge says no', 'look');

describe('the status of a device', () => {
  const start = unknownStatus('edge', ['echo', 'ping']);

  it('tells attempts from successes', () => {
    const first = nextStatus(unknownStatus('edge', []), outcome('2030-01-01T00:00:00Z'));
    const second = nextStatus(first, outcome('2030-01-01T00:05:00Z', { failure: away }));
    assert.equal(second.reconciledAt?.toISOString(), '2030-01-01T00:05:00.000Z');
    assert.equal(second.syncedAt?.toISOString(), '2030-01-01T00:00:00.000Z');
    assert.equal(second.failure?.code, 'MESH_ERR_DEVICE_UNREACHABLE');
    assert.equal(nextStatus(second, outcome('2030-01-01T00:06:00Z')).failure, undefined);
  });

  it('has what the rule counted, until the device tells nothing of it any more', () => {
    const echo = { allowed: 7, rejected: 3, wouldReject: undefined, rejectedLastHour: 2 };
    const first = nextStatus(start, outcome('2030-01-01T00:00:00Z', { calls: new Map([['echo', echo]]) }));
    const { data } = renderStatusConfigMap('mesh-edge', [first], 'one') as unknown as {
      data: { edge: string };
    };
    const { services } = parse(data.edge) as { services: Record<string, { calls?: unknown }> };
    assert.deepEqual(services['echo']?.calls, { allowed: 7, rejected: 3, rejectedLastHour: 2 });
    assert.equal(services['ping']?.calls, undefined);
    const second = nextStatus(first, outcome('2030-01-01T00:05:00Z'));
    assert.deepEqual(second.services.get('echo')?.calls, echo);
    const third = nextStatus(second, outcome('2030-01-01T01:10:00Z', { calls: new Map() }));
    assert.equal(third.services.get('echo')?.calls, undefined);
  });

  it('is no success before every service was proven', () => {
    assert.equal(nextStatus(start, outcome('2030-01-01T00:00:00Z')).syncedAt, undefined);
  });

  it('is no success while a service fails', () => {
    const serviceFailures = new Map([['ping', denied]]);
    const status = nextStatus(start, outcome('2030-01-01T00:00:00Z', { serviceFailures }));
    assert.equal(status.syncedAt, undefined);
    assert.equal(status.failure, undefined);
    assert.equal(status.services.get('ping')?.failure?.code, 'MESH_ERR_DEVICE_ACCESS_DENIED');
    assert.equal(status.services.get('echo')?.failure, undefined);
  });

  it('says since when the same failure lasts', () => {
    const first = nextStatus(start, outcome('2030-01-01T00:00:00Z', { failure: away }));
    const second = nextStatus(first, outcome('2030-01-01T00:05:00Z', { failure: away }));
    assert.equal(second.failure?.since.toISOString(), '2030-01-01T00:00:00.000Z');
    const other = nextStatus(second, outcome('2030-01-01T00:06:00Z', { failure: denied }));
    assert.equal(other.failure?.since.toISOString(), '2030-01-01T00:06:00.000Z');
  });

  it('keeps what a failed reconcile did not find out', () => {
    const quarantines = new Map([['echo', { refusals: [refusal], isDenyHeld: true }]]);
    const first = nextStatus(start, outcome('2030-01-01T00:00:00Z', { quarantines }));
    const second = nextStatus(first, outcome('2030-01-01T00:05:00Z', { failure: away }));
    assert.deepEqual(second.services.get('echo')?.refusals, [refusal]);
    assert.equal(second.services.get('echo')?.isDenyHeld, true);
  });
});

describe('the status ConfigMap', () => {
  let api: TestKubeApi;
  let namespace: string;

  before(async () => {
    api = await startTestKubeApi();
  });
  after(() => api.close());
  beforeEach(async () => {
    namespace = await api.createNamespace();
  });

  const statusOf = (device: string): DeviceStatus =>
    nextStatus(unknownStatus(device, ['echo']), outcome('2030-01-01T00:00:00Z'));
  const read = (): Promise<KubeObject | undefined> =>
    api.kube.get({ kind: kinds.configMap, namespace, name: 'bigip-mesh-status' });
  const newWriter = (kube = api.kube, devices = ['edge', 'core']): StatusWriter =>
    new StatusWriter({ kube, namespace, writtenBy: 'pod-1', devices, logger: silentLogger() });

  it('has one key a device, in YAML', () => {
    const failed = nextStatus(statusOf('edge'), outcome('2030-01-01T00:05:00Z', { failure: away }));
    const object = renderStatusConfigMap('mesh-edge', [failed, statusOf('core')], 'pod-1');
    const data = object['data'] as Record<string, string>;
    assert.deepEqual(Object.keys(data), ['edge', 'core']);
    assert.deepEqual(parse(data['edge'] ?? ''), {
      writtenBy: 'pod-1',
      reconciledAt: '2030-01-01T00:05:00.000Z',
      error: {
        code: 'MESH_ERR_DEVICE_UNREACHABLE',
        message: 'edge does not answer',
        nextStep: 'look',
        since: '2030-01-01T00:05:00.000Z',
      },
      services: { echo: { refused: 0 } },
    });
  });

  it('stays small when a whole allowlist cannot be read', () => {
    const refusals = Array.from({ length: 60_000 }, (_, line) => ({ ...refusal, line }));
    const quarantines = new Map([['echo', { refusals, isDenyHeld: false }]]);
    const status = nextStatus(statusOf('edge'), outcome('2030-01-01T00:00:00Z', { quarantines }));
    const data = renderStatusConfigMap('mesh-edge', [status], 'pod-1')['data'] as { edge: string };
    const { services } = parse(data.edge) as { services: { echo: { refused: number; refusals: unknown[] } } };
    assert.equal(services.echo.refused, 60_000);
    assert.equal(services.echo.refusals.length, 20);
  });

  const keys = async (): Promise<string[]> => Object.keys((await read())?.['data'] as object).toSorted();

  it('is written by several replicas, each the keys of the devices that it leads', async () => {
    const [first, second] = [newWriter(), newWriter()];
    await Promise.all([first.write(statusOf('edge'), signal), second.write(statusOf('core'), signal)]);
    await first.write(statusOf('edge'), signal);
    assert.deepEqual(await keys(), ['core', 'edge']);
  });

  it('goes on with the replica that leads next', async () => {
    await newWriter().write(statusOf('edge'), signal);
    const failed = nextStatus(statusOf('edge'), outcome('2030-01-01T00:05:00Z', { failure: away }));
    await newWriter().write(failed, signal);
    const data = (await read())?.['data'] as { edge: string };
    assert.match(data.edge, /MESH_ERR_DEVICE_UNREACHABLE/);
  });

  it('loses the key of a device that is not in the config file any more', async () => {
    await newWriter().write(statusOf('core'), signal);
    await newWriter(api.kube, ['edge']).write(statusOf('edge'), signal);
    assert.deepEqual(await keys(), ['edge']);
  });

  it('holds the newest of writes that come together', async () => {
    const writer = newWriter();
    const at = (minute: number): DeviceStatus =>
      nextStatus(statusOf('edge'), outcome(`2030-01-01T00:0${minute}:00Z`));
    await Promise.all([1, 2, 3].map((minute) => writer.write(at(minute), signal)));
    const data = (await read())?.['data'] as { edge: string };
    assert.match(data.edge, /reconciledAt: 2030-01-01T00:03:00.000Z/);
  });

  it('is left alone when somebody else made one of that name', async () => {
    const metadata = { name: 'bigip-mesh-status', namespace };
    const foreign = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { mine: 'yes' } };
    await api.kube.create(kinds.configMap, foreign);
    await newWriter().write(statusOf('edge'), signal);
    assert.deepEqual((await read())?.['data'], { mine: 'yes' });
  });

  it('that cannot be written stops nothing', async () => {
    await newWriter(await api.clientFor('no-such-token')).write(statusOf('edge'), signal);
    assert.equal(await read(), undefined);
  });
});
