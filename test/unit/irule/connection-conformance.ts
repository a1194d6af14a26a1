import { strict as assert } from 'node:assert';
import { trustedSleep } from '../../support/svid-vectors.js';
import { caller, certificateOf, decides, onlySleep, says, untrusted } from './conformance-case.js';
import type { ConformanceCase } from './conformance-case.js';
import { enforcing, virtualServer } from './rule-bench.js';
import type { RuleBench } from './rule-bench.js';

/** What happens when, over the life of a connection. */
export const connectionCases: readonly ConformanceCase[] = [
  says(
    'admits at the end of the handshake',
    caller(trustedSleep),
    onlySleep,
    'CLIENTSSL_HANDSHAKE',
    `allowing: ${trustedSleep}`,
  ),
  says(
    'refuses at the certificate',
    caller(untrusted),
    onlySleep,
    'CLIENTSSL_CLIENTCERT',
    `rejecting: ${untrusted} (not-listed)`,
  ),
  says(
    'refuses a resumed session at the end of its handshake',
    { ...caller(untrusted), isResumed: true },
    onlySleep,
    'CLIENTSSL_HANDSHAKE',
    `rejecting: ${untrusted} (not-listed)`,
  ),
  says(
    'refuses a resumed session that kept no certificate',
    { isResumed: true },
    onlySleep,
    'CLIENTSSL_HANDSHAKE',
    'rejecting: - (no-certificate)',
  ),
  decides(
    'admits a resumed session of a listed caller',
    { ...caller(trustedSleep), isResumed: true },
    'passes',
  ),
  decides(
    'refuses a certificate that did not verify',
    { ...caller(trustedSleep), verifyResult: 18 },
    'not-verified',
  ),
  decides(
    'looks at the leaf only',
    { certificates: [certificateOf(untrusted), certificateOf(trustedSleep)] },
    'not-listed',
  ),
  ...[false, true].map((isResumed) => ({
    name: `drops the session, rejects, and silences every later event${isResumed ? ' of a resumed session' : ''}`,
    check: async (bench: RuleBench) => {
      await bench.setGroups(onlySleep);
      const flow = await bench.openFlow();
      const facts = { certificate_count: 1, 'certificate.0': certificateOf(untrusted), verify_result: 0 };
      await flow.run('CLIENT_ACCEPTED', { virtual: virtualServer });
      const event = isResumed ? 'CLIENTSSL_HANDSHAKE' : 'CLIENTSSL_CLIENTCERT';
      const kinds = (await flow.run(event, facts)).map(({ kind }) => kind);
      assert.deepEqual(kinds, ['run', 'log', 'invalidate', 'reject']);
      assert.deepEqual(await flow.run('LB_SELECTED', {}), []);
      await flow.close();
    },
  })),
  {
    name: 'lets nobody to a pool member who came around the handshake',
    check: async (bench) => {
      await bench.setGroups(onlySleep);
      const flow = await bench.openFlow();
      await flow.run('CLIENT_ACCEPTED', { virtual: virtualServer });
      assert.deepEqual(
        (await flow.run('LB_SELECTED', {})).map(({ kind }) => kind),
        ['run', 'reject'],
      );
      assert.deepEqual(await flow.run('CLIENT_CLOSED', {}), []);
      await flow.close();
    },
  },
  {
    name: 'lets nobody to a pool member after the certificate alone',
    check: async (bench) => {
      await bench.setGroups(onlySleep);
      const flow = await bench.openFlow();
      const facts = { certificate_count: 1, 'certificate.0': certificateOf(trustedSleep), verify_result: 0 };
      await flow.run('CLIENT_ACCEPTED', { virtual: virtualServer });
      await flow.run('CLIENTSSL_CLIENTCERT', facts);
      assert.ok((await flow.run('LB_SELECTED', {})).some(({ kind }) => kind === 'reject'));
      await flow.close();
    },
  },
  {
    name: 'forgets an admission when the client shows another certificate later',
    check: async (bench) => {
      await bench.setGroups(onlySleep);
      const flow = await bench.openFlow();
      const facts = (id: string) => ({
        certificate_count: 1,
        'certificate.0': certificateOf(id),
        verify_result: 0,
      });
      await flow.run('CLIENT_ACCEPTED', { virtual: virtualServer });
      await flow.run('CLIENTSSL_HANDSHAKE', facts(trustedSleep));
      const kinds = (await flow.run('CLIENTSSL_CLIENTCERT', facts(untrusted))).map(({ kind }) => kind);
      assert.ok(kinds.includes('reject'));
      await flow.close();
    },
  },
  {
    name: 'admits anew only when a new handshake is over',
    check: async (bench) => {
      await bench.setGroups(onlySleep);
      const flow = await bench.openFlow();
      const facts = { certificate_count: 1, 'certificate.0': certificateOf(trustedSleep), verify_result: 0 };
      await flow.run('CLIENT_ACCEPTED', { virtual: virtualServer });
      await flow.run('CLIENTSSL_HANDSHAKE', facts);
      await flow.run('CLIENTSSL_CLIENTCERT', facts);
      assert.ok((await flow.run('LB_SELECTED', {})).some(({ kind }) => kind === 'reject'));
      await flow.close();
    },
  },
];

/** Connections that are looked at again while they last. */
export const recheckCases: readonly ConformanceCase[] = [
  {
    name: 'starts no timer without recheck',
    check: async (bench) => {
      await bench.setGroups(onlySleep);
      const { effects } = await bench.call(caller(trustedSleep));
      assert.ok(!effects.some(({ kind }) => kind === 'after'));
    },
  },
  {
    name: 'looks again every recheck seconds, and ends the connection of a caller who may no longer',
    check: async (bench) => {
      const settings = { ...enforcing, recheck: '30' };
      await bench.setGroups({ ...onlySleep, settings });
      const flow = await bench.openFlow();
      const facts = { certificate_count: 1, 'certificate.0': certificateOf(trustedSleep), verify_result: 0 };
      await flow.run('CLIENT_ACCEPTED', { virtual: virtualServer });
      const effects = await flow.run('CLIENTSSL_HANDSHAKE', facts);
      const timers = effects.flatMap((effect) => (effect.kind === 'after' ? [effect] : []));
      assert.deepEqual(
        timers.map(({ delayMs, isPeriodic }) => ({ delayMs, isPeriodic })),
        [{ delayMs: 30_000, isPeriodic: true }],
      );
      const again = await flow.run('CLIENTSSL_HANDSHAKE', facts);
      assert.ok(!again.some(({ kind }) => kind === 'after'), 'one timer a connection');
      const [timer] = timers;
      assert.ok(timer);
      const tick = async (): Promise<string[]> => (await flow.runTimer(timer.id)).map(({ kind }) => kind);
      assert.deepEqual(await tick(), ['run']);
      await bench.setGroups({ allow: [trustedSleep], deny: [], settings: { ...settings, mode: 'audit' } });
      assert.deepEqual(await tick(), ['run']);
      await bench.setGroups({ allow: [trustedSleep], deny: [trustedSleep], settings });
      assert.deepEqual(await tick(), ['run', 'reject', 'log']);
      await bench.setGroups({});
      assert.deepEqual(await tick(), ['run', 'reject', 'log']);
      await flow.close();
    },
  },
  ...['soon', '0', '-5', '1.5', '100000', '5 ', '5\n'].map((recheck) =>
    decides(`admits nobody while recheck is ${JSON.stringify(recheck)}`, caller(trustedSleep), 'an error', {
      ...onlySleep,
      settings: { ...enforcing, recheck },
    }),
  ),
];
