import { strict as assert } from 'node:assert';
import type { DesiredService } from '../../../src/reconcile/desired.js';
import type { DeviceKind } from '../../../src/reconcile/device-object.js';
import type { Plan } from '../../../src/reconcile/plan.js';
import { keepRetiredFiles, retentionMs } from '../../../src/reconcile/retirement.js';

const mintedMs = new Date('2030-01-01T06:00:00Z').getTime();

/** As far as the policy looks. */
function service(name: string, minted: number): DesiredService {
  return {
    config: { name },
    pair: { facts: { minted: String(minted / 1000) } },
  } as unknown as DesiredService;
}

function removals(...objects: ReadonlyArray<readonly [DeviceKind, string]>): Plan {
  return {
    createPartition: false,
    changes: objects.map(([kind, name]) => ({ action: 'remove', object: { kind, name }, details: [] })),
    blockers: [],
    unlisted: [],
    epoch: 1,
    ledger: undefined,
  };
}

function kept(plan: Plan, services: readonly DesiredService[], afterMs: number): string[] {
  const left = keepRetiredFiles(plan, services, new Date(mintedMs + afterMs)).changes;
  const remaining = new Set(left.map(({ object }) => object.name));
  return plan.changes.map(({ object }) => object.name).filter((name) => !remaining.has(name));
}

describe('the retirement of files', () => {
  const pair = [
    ['sys/file/ssl-cert', 'echo_0123456789ab.crt'],
    ['sys/file/ssl-key', 'echo_0123456789ab.key'],
  ] as const;
  const shared = [
    ['sys/file/ssl-cert', 'ca_chain_0123456789ab.crt'],
    ['sys/file/ssl-cert', 'trust_bundle_0123456789ab.crt'],
  ] as const;

  it('keeps a replaced pair for ten minutes, and no longer', () => {
    const names = pair.map(([, name]) => name);
    assert.deepEqual(kept(removals(...pair), [service('echo', mintedMs)], retentionMs - 1), names);
    assert.deepEqual(kept(removals(...pair), [service('echo', mintedMs)], retentionMs), []);
  });

  it('counts for each service by itself', () => {
    const services = [service('echo', mintedMs - retentionMs), service('ping', mintedMs)];
    assert.deepEqual(kept(removals(...pair), services, 0), []);
    assert.deepEqual(kept(removals(['sys/file/ssl-key', 'ping_0123456789ab.key']), services, 0), [
      'ping_0123456789ab.key',
    ]);
  });

  it('keeps chains and bundles as long as any pair that may have been with them', () => {
    const services = [service('echo', mintedMs - retentionMs), service('ping', mintedMs)];
    const names = shared.map(([, name]) => name);
    assert.deepEqual(kept(removals(...shared), services, retentionMs - 1), names);
    assert.deepEqual(kept(removals(...shared), services, retentionMs), []);
  });

  it('keeps nothing but files', () => {
    const plan = removals(['ltm/pool', 'old_pool'], ['ltm/data-group/internal', 'old_allow']);
    assert.deepEqual(kept(plan, [service('echo', mintedMs)], 0), []);
  });
});
