import { strict as assert } from 'node:assert';

import type { ServiceConfig } from '../../../src/config/schema.js';
import { renderEvent } from '../../../src/controller/event-recorder.js';
import { holdConfigMap } from '../../../src/controller/held-config-map.js';
import { holdPolicy, policySource } from '../../../src/controller/held-policy.js';
import { refusalEvents, removalEvents } from '../../../src/controller/report-events.js';

const metadata = { name: 'callers', namespace: 'default', uid: 'u-1', resourceVersion: '7' };
const identity = { namespace: 'default', serviceAccount: 'bigip' };
const service = { name: 'echo', identity } as ServiceConfig;
const now = new Date('2030-01-01T00:00:00Z');

describe('Events on what says who may call', () => {
  it('are told on an AuthorizationPolicy, with the place in it', () => {
    const held = holdPolicy({ apiVersion: 'security.istio.io/v1', kind: 'AuthorizationPolicy', metadata });
    const refusal = {
      namespace: 'default',
      policy: 'callers',
      path: 'rules[0].to[0].operation.methods',
      reason: 'HTTP',
    };
    const others = { ...refusal, policy: 'others' };
    const [event, ...rest] = refusalEvents(policySource(held, [others, refusal]));
    assert.ok(event !== undefined && rest.length === 0);
    const object = renderEvent(event, 'one', now);
    assert.equal(object['note'], 'rules[0].to[0].operation.methods: HTTP');
    assert.equal(object['reason'], 'AllowlistRefused');
    assert.deepEqual(object['regarding'], {
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      namespace: 'default',
      name: 'callers',
      uid: 'u-1',
      resourceVersion: '7',
    });
  });

  it('say of an allow list that is no text that the entries of before stay', () => {
    const binary = { apiVersion: 'v1', kind: 'ConfigMap', metadata, binaryData: { allow: '/w==' } };
    const [event] = refusalEvents(holdConfigMap('default', binary, undefined));
    assert.match(
      event?.note ?? '',
      /^key allow: .*not UTF-8.*; the allow and deny entries of before stay in force/,
    );
  });

  it('warn of many callers who go, on what was edited', () => {
    const held = holdConfigMap(
      'default',
      { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: {} },
      undefined,
    );
    const [event, ...rest] = removalEvents(service, { removed: 12, before: 20, changed: [held] });
    assert.ok(event !== undefined && rest.length === 0);
    const object = renderEvent(event, 'one', now);
    assert.equal(object['type'], 'Warning');
    assert.equal(object['reason'], 'AllowlistShrunk');
    assert.match(String(object['note']), /^service echo: 12 of 20 allow entries go/);
    assert.equal((object['regarding'] as { kind: string }).kind, 'ConfigMap');
  });

  it('warn of a deletion on the account of the service, because what was deleted is not there', () => {
    const [event] = removalEvents(service, { removed: 2, before: 2, changed: [] });
    assert.ok(event !== undefined);
    const regarding = renderEvent(event, 'one', now)['regarding'] as Record<string, unknown>;
    assert.deepEqual(
      [regarding['kind'], regarding['namespace'], regarding['name']],
      ['ServiceAccount', 'default', 'bigip'],
    );
    assert.equal('uid' in JSON.parse(JSON.stringify(regarding)), false);
  });
});
