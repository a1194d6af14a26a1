import { strict as assert } from 'node:assert';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { anything, array, assert as check, constantFrom, nat, oneof, property, tuple } from 'fast-check';

import { CelEvaluator } from '../../../../src/mesh/validation/cel-evaluator.js';
import { describeProblem } from '../../../../src/mesh/validation/problem.js';
import { readManifest } from './read-manifest.js';
import { isFields } from '../../../../src/mesh/validation/structural-schema.js';
import { IstioValidator } from '../../../../src/mesh/validation/validate.js';
import { sharedData } from '../../../support/shared-data.js';
import { skipBecause } from '../../../support/skip.js';
import { readSchemas } from './published-definitions.js';

type Path = readonly (string | number)[];

/** Every place of a value that something else may be put into, `spec` and below. */
function placesIn(value: unknown, path: Path = []): Path[] {
  const below = Array.isArray(value)
    ? value.flatMap((item, index) => placesIn(item, [...path, index]))
    : Object.entries(isFields(value) ? value : {}).flatMap(([name, item]) => placesIn(item, [...path, name]));
  return path[0] === 'spec' || path.length === 0
    ? [path, ...below].filter(({ length }) => length > 0)
    : below;
}

/** A copy with another value at a place; undefined takes it out. */
function withValue(value: unknown, [first, ...rest]: Path, put: unknown): unknown {
  if (first === undefined) return put;
  if (Array.isArray(value)) {
    const items = value.map((item: unknown, index) => (index === first ? withValue(item, rest, put) : item));
    return items.filter((item) => item !== undefined);
  }
  if (!isFields(value)) return value;
  const changed = { ...value, [first]: withValue(value[first], rest, put) };
  return Object.fromEntries(Object.entries(changed).filter(([, item]) => item !== undefined));
}

const telling = [
  undefined,
  null,
  '',
  '*',
  'a*',
  '*.example.com',
  'unix:///a',
  'unix://a/',
  'unix://',
  '10.0.0.0/8',
  '0s',
  '1us',
  'NONE',
  'DNS',
  'STATIC',
  'CUSTOM',
  'MUTUAL',
  0,
  1,
  -1,
  65_536,
  1.5,
  2 ** 33,
  true,
  [],
  [''],
  ['*'],
  ['a', 'a'],
  {},
  { '': '' },
  { '*': '*' },
  { a: 1 },
  { '0': { mode: 'STRICT' } },
  'a'.repeat(64),
  'a'.repeat(300),
];

describe('the built-in schemas and rules', () => {
  const folder = sharedData('istio');
  if (folder === undefined) {
    it('refuse whatever the published definitions refuse', function () {
      skipBecause(this, "Istio's definitions are not beside the checkout");
    });
    return;
  }
  const served = readSchemas(join(folder, 'crds'));
  const validator = new IstioValidator(new CelEvaluator());
  const samples = readdirSync(join(folder, 'samples'))
    .filter((name) => name.endsWith('.yaml'))
    .flatMap((name) => {
      const manifest = readManifest(readFileSync(join(folder, 'samples', name), 'utf8'));
      return manifest.ok ? manifest.value : [];
    });

  const more: readonly unknown[] = [
    [
      'networking.istio.io/v1',
      'Gateway',
      {
        servers: [
          {
            port: { number: 1, name: 'a', protocol: 'TLS' },
            hosts: ['a.com'],
            tls: { credentialNames: ['c'], mode: 'SIMPLE' },
          },
        ],
      },
    ],
    [
      'networking.istio.io/v1',
      'VirtualService',
      {
        hosts: ['a.com'],
        http: [
          {
            match: [{ uri: { prefix: '/' } }],
            route: [{ destination: { host: 'a.com' }, weight: 1 }],
            timeout: '1s',
            retries: { perTryTimeout: '1s' },
            fault: { delay: { fixedDelay: '1s' } },
            corsPolicy: { maxAge: '1h' },
          },
        ],
      },
    ],
    [
      'telemetry.istio.io/v1',
      'Telemetry',
      {
        selector: { matchLabels: { a: 'b' } },
        metrics: [
          {
            reportingInterval: '5s',
            overrides: [{ tagOverrides: { a: { operation: 'UPSERT', value: 'x' } } }],
          },
        ],
        tracing: [{ customTags: { a: { literal: { value: 'x' } } } }],
      },
    ],
    [
      'networking.istio.io/v1',
      'DestinationRule',
      {
        host: 'a.com',
        workloadSelector: { matchLabels: { a: 'b' } },
        trafficPolicy: {
          connectionPool: {
            tcp: {
              connectTimeout: '1s',
              maxConnectionDuration: '1h',
              tcpKeepalive: { time: '1s', interval: '1s' },
            },
            http: { idleTimeout: '1s' },
          },
          outlierDetection: { interval: '1s', baseEjectionTime: '1s' },
          loadBalancer: { simple: 'RANDOM', warmupDurationSecs: '1s', warmup: { duration: '1s' } },
        },
      },
    ],
  ].map(([apiVersion, kind, spec]) => ({ apiVersion, kind, metadata: { name: 'a' }, spec }));

  it('refuse whatever the published definitions refuse', () => {
    const change = tuple(nat(), oneof(constantFrom(...telling), anything({ maxDepth: 1 })));
    let refusals = 0;
    check(
      property(
        constantFrom(...samples, ...more),
        array(change, { minLength: 1, maxLength: 3 }),
        (sample, changes) => {
          const object = changes.reduce((current: unknown, [place, put]) => {
            const places = placesIn(current);
            return withValue(current, places[place % places.length] ?? ['spec'], put);
          }, sample);
          const errors = (schemas?: typeof served): string[] =>
            validator
              .validate(object, schemas)
              .filter(
                ({ level, source }) =>
                  level === 'error' && (schemas === undefined || source === 'schema' || source === 'CEL'),
              )
              .map(describeProblem);
          const theirs = errors(served);
          if (theirs.length === 0) return;
          refusals += 1;
          assert.ok(errors().length > 0, `${JSON.stringify(object)}\n${theirs.join('\n')}`);
        },
      ),
      { numRuns: 1500 },
    );
    assert.ok(refusals > 300, String(refusals));
  });
});
