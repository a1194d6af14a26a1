import { strict as assert } from 'node:assert';
import { known, unknown } from '../../../src/vet/datum.js';
import type { Facts } from '../../../src/vet/facts.js';
import { listedKinds } from '../../../src/vet/facts.js';
import { unknownCluster } from '../../../src/vet/read/read-cluster.js';
import { unknownDevice } from '../../../src/vet/read/read-device.js';
import { checks } from '../../../src/vet/registry.js';
import { runChecks } from '../../../src/vet/run-checks.js';
import { healthyFacts, withCluster } from './healthy-facts.js';
import { renderVetPage } from './vet-page.js';
import { listOf, told } from './told.js';

describe('the checks of vet, by facts', () => {
  let healthy: Facts;
  before(async () => (healthy = await healthyFacts()));

  it('find nothing in a healthy set-up', () => {
    const { findings, unknown: lost, fine } = runChecks(checks, healthy);
    assert.deepEqual({ findings, lost }, { findings: [], lost: [] });
    assert.equal(fine.length, checks.length);
  });

  describe('the registry', () => {
    it('has each code once, in order, and all that a page and a person need', () => {
      const codes = checks.map(({ code }) => code);
      assert.deepEqual(codes, [...new Set(codes)].toSorted());
      for (const { code, title, why, mend } of checks) {
        assert.match(code, /^BMV\d{3}$/);
        assert.match(title, /^\S.*[^.]$/);
        for (const text of [why, mend]) assert.match(text, /^\S.{20,}\.$/, code);
      }
    });

    it('has a section of the page for each code', () => {
      const page = renderVetPage();
      for (const { code, why, mend } of checks) {
        const section = page.slice(page.indexOf(`\n## ${code}\n`)).split('\n## ')[1] ?? '';
        assert.ok(section.startsWith(code) && section.includes(why) && section.includes(mend), code);
      }
    });

    it('has the 52 checks of the mesh and 16 of the device', () => {
      const numbers = checks.map(({ code }) => Number(code.slice(3)));
      const range = (from: number, to: number) =>
        Array.from({ length: to - from + 1 }, (_, index) => from + index);
      assert.deepEqual(numbers, [...range(1, 52), ...range(101, 116)]);
    });
  });

  describe('when nothing is known', () => {
    it('are fine only where the config file leaves nothing to look at', () => {
      const gap = { reason: 'nobody answers' };
      const blind: Facts = {
        ...healthy,
        cluster: unknownCluster(healthy.config, gap).cluster,
        devices: new Map([['edge', unknownDevice(gap)]]),
        services: new Map([['echo', { allowlist: unknown(gap), listener: unknown(gap) }]]),
      };
      const { findings, fine, unknown: lost } = runChecks(checks, blind);
      assert.deepEqual(findings, []);
      // Lifetime and cluster name matter to source istiod alone, failover to two urls.
      assert.deepEqual(fine, ['BMV043', 'BMV052', 'BMV108']);
      assert.equal(lost.length, checks.length - fine.length);
    });

    for (const kind of listedKinds) {
      it(`find nothing because ${kind} are not known, and someone says unknown`, () => {
        const needs = `list ${kind}`;
        const facts = withCluster(healthy, {
          [kind]: unknown({ reason: 'forbidden', needs }),
        });
        const { findings, unknown: lost } = runChecks(checks, facts);
        assert.deepEqual(findings, []);
        // Pods tell of istiod as well; definitions are seen by what the API serves.
        const isNeeded = kind !== 'customResourceDefinitions' && kind !== 'deployments';
        if (isNeeded) assert.ok(lost.some(({ gap }) => gap.needs === needs));
      });
    }
  });

  it('are unknown, and say that they failed, when they throw', () => {
    const [first] = checks;
    assert.ok(first !== undefined);
    const broken = {
      ...first,
      about: 'mesh' as const,
      look: () => {
        throw new TypeError('a bug');
      },
    };
    const { unknown: lost, fine } = runChecks([broken], healthy);
    assert.deepEqual(fine, []);
    assert.match(lost[0]?.gap.reason ?? '', /the check itself failed \(TypeError\)/);
  });

  it('say nothing in control characters, whatever an object holds', () => {
    const entries = listOf(healthy, 'workloadEntries').map((entry) => ({
      ...entry,
      status: { conditions: [{ type: 'Healthy', status: 'False', message: 'red\u001b[31m\nalert' }] },
    }));
    assert.deepEqual(told(withCluster(healthy, { workloadEntries: known(entries) })), [
      'error BMV033: Healthy is "False" (red [31m alert)',
    ]);
  });
});
