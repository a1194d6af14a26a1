import { strict as assert } from 'node:assert';
import { Metrics } from '../../../src/controller/metrics.js';
import { measureRoots, rootEvents, rootNews } from '../../../src/controller/root-news.js';
import { unknownStatus } from '../../../src/controller/device-status.js';
import { renderStatusConfigMap } from '../../../src/controller/status-config-map.js';
import type { RootState } from '../../../src/reconcile/root-rotation/plan-roots.js';

const at = new Date('2030-01-01T00:00:00Z');

function state(sha256: string, stage: RootState['stage'], year = 2040): RootState {
  return {
    sha256: sha256.repeat(64),
    subject: 'O=cluster.local',
    notAfter: new Date(Date.UTC(year, 0)),
    stage,
    since: at,
    origins: [],
    services: stage === 'accepted' ? ['echo'] : [],
    sentence: `is ${stage}`,
  };
}

describe('news of the roots', () => {
  it('are what comes, what gets on and what goes, and nothing at the first look', () => {
    const before = [state('a', 'accepted'), state('b', 'added')];
    const after = [state('a', 'retiring'), state('b', 'accepted'), state('c', 'added')];
    assert.deepEqual(rootNews(undefined, after), []);
    assert.deepEqual(rootNews(after, after), []);
    assert.deepEqual(rootNews(before, after), [
      'root aaaaaaaaaaaa (O=cluster.local) retiring: is retiring',
      'root bbbbbbbbbbbb (O=cluster.local) accepted: is accepted',
      'root cccccccccccc (O=cluster.local) added: is added',
    ]);
  });

  it('are Events on the status', () => {
    const configMap = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      namespace: 'mesh-edge',
      name: 'status',
      uid: '1',
    };
    const [event, ...others] = rootEvents('edge', configMap as never, ['root a added: is added'], at);
    assert.deepEqual(others, []);
    assert.equal(event?.reason, 'RootRotation');
    assert.equal(event?.note, 'on device edge, root a added: is added');
  });

  it('stand in the status ConfigMap as they are', () => {
    const status = { ...unknownStatus('edge', []), roots: [state('a', 'accepted')] };
    const { data } = renderStatusConfigMap('mesh-edge', [status], 'one') as {
      data?: Readonly<Record<string, string>>;
    };
    assert.match(
      data?.['edge'] ?? '',
      /roots:\n {2}- sha256: a{64}\n {4}subject: O=cluster.local\n {4}stage: accepted\n[^]*servedBy:\n {6}- echo\n {4}note: is accepted/,
    );
  });

  it('are counted by stage, and the first to expire of those that stay is shown', async () => {
    const metrics = new Metrics();
    const roots = [state('a', 'retiring', 2031), state('b', 'accepted', 2035), state('c', 'accepted', 2033)];
    measureRoots(metrics, 'edge', roots);
    measureRoots(metrics, 'other', undefined);
    const text = await metrics.render();
    assert.match(text, /bigip_mesh_roots\{device="edge",stage="retiring"\} 1\n/);
    assert.match(text, /bigip_mesh_roots\{device="edge",stage="accepted"\} 2\n/);
    const seconds = Date.UTC(2033, 0) / 1000;
    assert.ok(text.includes(`bigip_mesh_root_not_after_timestamp_seconds{device="edge"} ${seconds}\n`), text);
    assert.doesNotMatch(text, /device="other"/);
  });
});
