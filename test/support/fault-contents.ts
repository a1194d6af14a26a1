import { array, constant, constantFrom, integer, oneof, record, tuple } from 'fast-check';
import type { Arbitrary } from 'fast-check';
import { entries, misspeltDeny, serviceLabel } from './fault-readings.js';
import type { WrittenObject } from './faulty-kube.js';

const badLine = 'not an ID';
/** Looks like an entry, and is none. */
const badEntry = 'spiffe://cluster.local/ns/a/sa/x!';

function lines(from: readonly string[]): Arbitrary<string> {
  return array(constantFrom(...from), { maxLength: 3 }).map((ids) => ids.join('\n'));
}

/** A ConfigMap whose `deny` and `mode` are as they should be. */
export const configMap: Arbitrary<WrittenObject> = record(
  {
    allow: lines([...entries, badLine]),
    deny: lines(entries),
    mode: constantFrom('enforce', 'audit'),
  },
  { requiredKeys: ['allow'] },
).map((data) => ({ data }));

/** One key of a ConfigMap: there as text, there and not UTF-8, or not there. */
interface Part {
  readonly data?: Readonly<Record<string, string>>;
  readonly binaryData?: Readonly<Record<string, string>>;
}

function part(key: string, text: Arbitrary<string>): Arbitrary<Part> {
  return oneof(
    { weight: 8, arbitrary: text.map((value): Part => ({ data: { [key]: value } })) },
    { weight: 1, arbitrary: constant({ binaryData: { [key]: '//4=' } }) },
    { weight: 2, arbitrary: constant({}) },
  );
}

/** Whatever an editor, a wrong encoding or a slip of the finger makes of a ConfigMap. */
export const unreadableConfigMap: Arbitrary<WrittenObject> = tuple(
  part('allow', lines([...entries, badLine, badEntry])),
  part('deny', lines([...entries, ...entries, badLine, badEntry])),
  oneof({ weight: 6, arbitrary: constant<Part>({}) }, part(misspeltDeny, lines(entries))),
  part('mode', constantFrom('enforce', 'audit', 'odit')),
).map((parts) => {
  const data = Object.assign({}, ...parts.map((one) => one.data)) as Record<string, string>;
  const binaryData = Object.assign({}, ...parts.map((one) => one.binaryData)) as Record<string, string>;
  return { data, ...(Object.keys(binaryData).length === 0 ? {} : { binaryData }) };
});

const principals = entries.map((entry) => (entry.endsWith('/ns/*') ? '*' : entry.slice('spiffe://'.length)));
const goodSource = oneof(
  record({ principals: array(constantFrom(...principals), { minLength: 1, maxLength: 2 }) }),
  record({ namespaces: array(constantFrom('a', 'b'), { minLength: 1, maxLength: 2 }) }),
);
/** What a device cannot enforce as it is written. */
const untranslatableSource = oneof(
  goodSource.map((source) => ({ ...source, ipBlocks: ['192.0.2.0/24'] })),
  constant({ principals: 'cluster.local/ns/a/sa/x' }),
);
const rule = oneof(
  {
    weight: 6,
    arbitrary: array(oneof({ weight: 6, arbitrary: goodSource }, untranslatableSource), {
      minLength: 1,
      maxLength: 2,
    }).map((sources) => ({ from: sources.map((source) => ({ source })) })),
  },
  {
    weight: 2,
    arbitrary: goodSource.map((source) => ({
      from: [{ source }],
      to: [{ operation: { methods: ['GET'] } }],
    })),
  },
  goodSource.map((source) => ({
    from: [{ source }],
    when: [{ key: 'request.headers[x-team]', values: ['a'] }],
  })),
  goodSource.map((source) => ({ from: [{ source }], whence: [] })),
  constant({}),
);
/** An AuthorizationPolicy, also as it should not be. */
export const policy: Arbitrary<WrittenObject> = record(
  {
    action: oneof(
      { weight: 5, arbitrary: constantFrom('ALLOW', 'DENY') },
      constantFrom('ALOW', 'AUDIT', 'CUSTOM'),
    ),
    rules: oneof({ weight: 8, arbitrary: array(rule, { maxLength: 2 }) }, constant('none')),
    selector: oneof(
      { weight: 6, arbitrary: constant(undefined) },
      constantFrom('echo', 'ping').map((name) => ({ matchLabels: { [serviceLabel]: name } })),
      constant('everything'),
    ),
    isDryRun: integer({ min: 0, max: 7 }).map((roll) => roll === 7),
  },
  { requiredKeys: ['rules', 'isDryRun'] },
).map(({ isDryRun, selector, ...spec }) => ({
  spec: { ...spec, ...(selector === undefined ? {} : { selector }) },
  ...(isDryRun ? { metadata: { annotations: { 'istio.io/dry-run': 'true' } } } : {}),
}));
