import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { silentLogger } from '../../../src/log.js';
import { defaultSubject, mintSelfSigned } from '../../../src/mock/certificate/self-signed.js';
import { factoryConfiguration } from '../../../src/mock/config/built-in.js';
import type { Command } from '../../../src/mock/config/command.js';
import type { Configuration } from '../../../src/mock/config/configuration.js';
import { validate } from '../../../src/mock/config/integrity/validate.js';
import { Refusal } from '../../../src/mock/config/refusal.js';
import { RunningConfiguration } from '../../../src/mock/config/running-configuration.js';
import { FaultInjector } from '../../../src/mock/faults/fault-injector.js';
import { standalone } from '../../../src/mock/ha/standalone.js';
import type { Json, JsonObject } from '../../../src/mock/json.js';
import { buildManagementPlane } from '../../../src/mock/management-plane.js';
import type { ChangeContext } from '../../../src/mock/resources/resource-kind.js';
import { ResourceTable } from '../../../src/mock/resources/resource-table.js';
import { tmosVersion } from '../../../src/mock/tmos-version.js';
import { Secret } from '../../../src/secret.js';
import { FakeClock } from '../../support/fake-clock.js';

const tmos = tmosVersion('17.1');
const table = new ResourceTable();
const admin = { name: 'admin', password: new Secret('x') };
const now = new Date('2026-11-22T10:00:00Z');
const context: ChangeContext = { tmos, now, user: admin, readFile: () => undefined };

/** Names few enough that commands meet each other. */
const name = fc.constantFrom('a', 'b');
const path = name.map((one) => `/Common/${one}`);
const kinds = [
  'ltm/pool',
  'ltm/rule',
  'ltm/virtual',
  'ltm/node',
  'ltm/profile/client-ssl',
  'ltm/data-group/internal',
];

const body: fc.Arbitrary<readonly [string, JsonObject]> = fc.oneof(
  fc.record({ monitor: fc.constant('/Common/tcp') }).map((more) => ['ltm/pool', more] as const),
  fc
    .array(fc.constantFrom('10.0.0.1:80', '10.0.0.2:80', 'a:81'), { maxLength: 2 })
    .map(
      (members) =>
        ['ltm/pool', { members: members.map((member) => ({ name: member, address: '10.0.0.1' })) }] as const,
    ),
  fc
    .constantFrom('when CLIENT_ACCEPTED { }', 'when HTTP_REQUEST { }', 'when {')
    .map((apiAnonymous) => ['ltm/rule', { apiAnonymous }] as const),
  fc
    .record({
      destination: fc.constantFrom('192.0.2.1:80', '192.0.2.1:81', '192.0.2.2:80'),
      pool: path,
      rules: fc.array(path, { maxLength: 1 }),
      profiles: fc.constantFrom(['tcp'], ['tcp', 'http'], ['tcp', '/Common/a'], ['fastL4']),
    })
    .map((more) => ['ltm/virtual', more] as const),
  fc.constantFrom('10.0.0.1', '10.0.0.3').map((address) => ['ltm/node', { address }] as const),
  fc.record({ defaultsFrom: path }).map((more) => ['ltm/profile/client-ssl', more] as const),
  fc.constant(['ltm/data-group/internal', { type: 'string', records: [{ name: 'x' }] }] as const),
);

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.tuple(body, name).map(([[kind, more], own]) => post(kind, { name: own, ...more })),
  },
  fc.tuple(body, path).map(([[kind, more], fullPath]) => ({
    method: 'PATCH' as const,
    target: { kind: table.kind(kind), fullPath },
    body: more,
  })),
  fc.tuple(fc.constantFrom(...kinds), path).map(([kind, fullPath]) => ({
    method: 'DELETE' as const,
    target: { kind: table.kind(kind), fullPath },
    body: {},
  })),
);

function post(kind: string, more: JsonObject): Command {
  return { method: 'POST', target: { kind: table.kind(kind) }, body: more };
}

/** Everything but the counters. */
function contents(configuration: Configuration): readonly unknown[] {
  return configuration
    .kinds()
    .toSorted((a, b) => a.localeCompare(b))
    .flatMap((kind) => configuration.list(kind))
    .map(({ kind, name: own, parent, own: members }) => ({
      kind,
      own,
      parent,
      members: { ...members, vsIndex: 0 },
    }));
}

describe('mock BIG-IP: changes, whatever they are', () => {
  let factory: Configuration;
  before(async () => {
    const defaultPair = await mintSelfSigned(defaultSubject, now);
    factory = factoryConfiguration({
      tmos,
      hostname: 'bigip.example.com',
      isActive: true,
      managementAddress: '127.0.0.1',
      now,
      defaultPair,
    });
  });

  const start = () => new RunningConfiguration({ initial: factory, table, tmos });
  async function attempt(running: RunningConfiguration, commands: readonly Command[]): Promise<boolean> {
    try {
      await running.change(commands, context);
      return true;
    } catch (error) {
      assert.ok(error instanceof Refusal, String(error));
      return false;
    }
  }

  it('a transaction happens as a whole or not at all', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(command, { maxLength: 5 }),
        fc.array(command, { minLength: 1, maxLength: 6 }),
        async (before, commands) => {
          const running = start();
          for (const single of before) await attempt(running, [single]);
          const was = running.current;
          const stepwise = start();
          for (const single of before) await attempt(stepwise, [single]);
          const steps: boolean[] = [];
          for (const single of commands) steps.push(await attempt(stepwise, [single]));
          const isDone = await attempt(running, commands);
          if (!isDone) assert.equal(running.current, was);
          // What passes one by one passes together, and comes to the same.
          if (steps.every(Boolean)) {
            assert.ok(isDone);
            assert.deepEqual(contents(running.current), contents(stepwise.current));
          }
          // Whatever was reached is a configuration that the device could load.
          validate(running.current, running.current, table, tmos);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('a dry run changes nothing', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 4 }), async (commands) => {
        const running = start();
        await running.change(commands, context, true).catch(() => undefined);
        assert.equal(running.current, factory);
      }),
      { numRuns: 100 },
    );
  });

  it('no request makes the mock itself fail', async () => {
    const clock = new FakeClock();
    const plane = buildManagementPlane({
      users: [admin],
      tmos,
      hostname: 'bigip.example.com',
      initial: factory,
      save: () => Promise.resolve(),
      faults: new FaultInjector(() => clock.now(), 1),
      cluster: standalone(),
      signal: new AbortController().signal,
      clock,
      logger: silentLogger(),
    });
    const authorization = `Basic ${Buffer.from('admin:x').toString('base64')}`;
    const members = table.topLevel.flatMap((kind) => kind.members.map((member) => member.name));
    const value = fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>;
    const anything = fc.dictionary(
      fc.constantFrom('name', 'partition', 'options', 'profiles', ...members),
      value,
      {
        maxKeys: 6,
      },
    );
    const resource = fc.constantFrom(
      ...table.topLevel.map((kind) => kind.path),
      'transaction',
      'cm',
      'sys/config',
    );
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE'),
        resource,
        fc.constantFrom(
          '',
          '/a',
          '/~Common~tcp',
          '/clientssl',
          '/~Common~a/members',
          '/stats',
          '/~/x',
          '/%25',
          '/~Common~default.crt',
        ),
        fc.constantFrom('', 'options=records add { a }', '$filter=x', '$top=x', 'expandSubcollections=true'),
        anything,
        async (method, kind, rest, query, content) => {
          const response = await plane.respond({
            method,
            path: `/mgmt/tm/${kind}${rest}`,
            query: new URLSearchParams(query),
            headers: { authorization },
            body: Buffer.from(JSON.stringify({ name: 'a', ...content })),
            clientAddress: '127.0.0.1',
          });
          assert.ok(response !== undefined && response.status < 500, `${method} ${kind}${rest}?${query}`);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
