import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { metricCatalogue } from '../../../src/controller/metric-catalogue.js';
import { Metrics } from '../../../src/controller/metrics.js';
import { repositoryRoot } from '../../support/shared-data.js';

/** Names and kinds as Prometheus would read them. */
async function served(metrics: Metrics): Promise<string[]> {
  const text = await metrics.render();
  return [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => `${name} ${type}`).toSorted();
}

describe('the metrics', () => {
  it('are those of docs/reference/metrics.md, no more and no fewer', async () => {
    const page = readFileSync(join(repositoryRoot, 'docs/reference/metrics.md'), 'utf8');
    const listed = [...page.matchAll(/^\| `(\S+)` \| (\w+) \|/gm)].map(([, name, type]) => `${name} ${type}`);
    assert.deepEqual(await served(new Metrics()), listed);
    assert.ok(listed.length > 10);
  });

  it('follow the naming of Prometheus', () => {
    for (const [name, { type, help }] of Object.entries(metricCatalogue)) {
      assert.match(name, /^bigip_mesh_[a-z_]+$/);
      assert.equal(name.endsWith('_total'), type === 'counter', name);
      if (type === 'histogram') assert.match(name, /_seconds$/);
      assert.match(help, /\.$/);
    }
  });

  it('take the labels that they are documented with', async () => {
    const metrics = new Metrics();
    metrics.set('bigip_mesh_leader', { device: 'edge' }, 1);
    metrics.count('bigip_mesh_reconcile_no_op_total', { device: 'edge' });
    metrics.observeMs('bigip_mesh_converge_duration_seconds', { device: 'edge' }, 1500);
    metrics.stamp(
      'bigip_mesh_last_sync_timestamp_seconds',
      { device: 'edge' },
      new Date('2030-01-01T00:00:00Z'),
    );
    metrics.observeRequest('edge', {
      method: 'GET',
      path: '/',
      bytesOut: 0,
      status: undefined,
      ms: 40,
      pauseMs: 200,
    });
    const text = await metrics.render();
    assert.match(text, /^bigip_mesh_leader\{device="edge"\} 1$/m);
    assert.match(text, /^bigip_mesh_reconcile_no_op_total\{device="edge"\} 1$/m);
    assert.match(text, /^bigip_mesh_converge_duration_seconds_sum\{device="edge"\} 1.5$/m);
    assert.match(text, /^bigip_mesh_last_sync_timestamp_seconds\{device="edge"\} 1893456000$/m);
    assert.match(text, /^bigip_mesh_device_requests_total\{device="edge",method="GET",status="none"\} 1$/m);
    assert.match(
      text,
      /^bigip_mesh_device_request_duration_seconds_sum\{device="edge",method="GET"\} 0.04$/m,
    );
  });

  it('of two processes in one do not mix', async () => {
    const metrics = new Metrics();
    new Metrics().set('bigip_mesh_leader', { device: 'edge' }, 1);
    assert.doesNotMatch(await metrics.render(), /^bigip_mesh_leader\{device="edge"\} 1$/m);
  });
});
