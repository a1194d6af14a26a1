import { array, boolean, constant, constantFrom, integer, oneof, record } from 'fast-check';
import type { Arbitrary } from 'fast-check';
import { answerFaults, lastingFaults } from './fault-answers.js';
import type { AnswerFault, LastingFault } from './fault-answers.js';
import { configMap, policy, unreadableConfigMap } from './fault-contents.js';
import { watchFaults } from './fault-watches.js';
import type { WatchFault } from './fault-watches.js';
import type { Place, WrittenObject } from './faulty-kube.js';

/** What a person does, and what goes wrong. */
export type Step =
  | { readonly do: 'write'; readonly place: Place; readonly name: string; readonly object: WrittenObject }
  /** Deleted and made anew at once: another object of the same name; `isMissed` by the watches, which are cut before. */
  | {
      readonly do: 'replace';
      readonly place: Place;
      readonly name: string;
      readonly object: WrittenObject;
      readonly isMissed: boolean;
    }
  | { readonly do: 'relabel'; readonly name: string; readonly labels: Labels }
  | { readonly do: 'remove'; readonly place: Place; readonly name: string }
  | { readonly do: 'fail'; readonly place: Place | undefined; readonly faults: readonly AnswerFault[] }
  | { readonly do: 'refuse'; readonly place: Place; readonly fault: LastingFault | undefined }
  | { readonly do: 'disturb'; readonly place: Place | undefined; readonly fault: WatchFault }
  | { readonly do: 'compact' | 'away' | 'back' | 'reconcile' | 'hold on' | 'lead again' }
  /** Of the agent, which may not read one of the places from then on. */
  | { readonly do: 'restart'; readonly without: Place | undefined }
  | { readonly do: 'wait'; readonly ms: number }
  /** Somebody deletes one of a service's data groups on the device. */
  | { readonly do: 'damage'; readonly service: number; readonly list: 'allow' | 'deny' | 'settings' };

export type Labels = Readonly<Record<string, string>>;

export const configMaps: Place = 'configmaps default';
export const policyPlaces: readonly Place[] = [
  'authorizationpolicies default',
  'authorizationpolicies istio-system',
];

interface Weighted<T> {
  readonly weight: number;
  readonly arbitrary: Arbitrary<T>;
}

const names = constantFrom('callers', 'more-callers');

export interface StepsOptions {
  /** Those that a ConfigMap may have. */
  readonly labels: readonly Labels[];
  /** Whether ConfigMaps may be unreadable in part, be replaced and be relabelled. */
  readonly isUnreadable: boolean;
  readonly hasPolicies: boolean;
}

export function stepsOf({ labels, isUnreadable, hasPolicies }: StepsOptions): Arbitrary<readonly Step[]> {
  const labelled = record({
    object: isUnreadable ? unreadableConfigMap : configMap,
    labels: constantFrom(...labels),
  }).map(({ object, labels: its }) => ({ ...object, metadata: { labels: its } }));
  const place = constantFrom(configMaps, ...(hasPolicies ? policyPlaces : []));
  const anyPlace = oneof({ weight: 2, arbitrary: place }, constant(undefined));
  const policyPlace = constantFrom(...policyPlaces);
  const doing = <const T extends string>(what: T): Arbitrary<T> => constant(what);
  const steps: Weighted<Step>[] = [
    {
      weight: 6,
      arbitrary: record({ do: doing('write'), place: constant(configMaps), name: names, object: labelled }),
    },
    { weight: 1, arbitrary: record({ do: doing('remove'), place: constant(configMaps), name: names }) },
    {
      weight: 4,
      arbitrary: record({
        do: doing('fail'),
        place: anyPlace,
        faults: array(constantFrom(...answerFaults), { minLength: 1, maxLength: 3 }),
      }),
    },
    {
      weight: 3,
      arbitrary: record({
        do: doing('refuse'),
        place,
        fault: oneof({ weight: 2, arbitrary: constantFrom(...lastingFaults) }, constant(undefined)),
      }),
    },
    {
      weight: 4,
      arbitrary: record({ do: doing('disturb'), place: anyPlace, fault: constantFrom(...watchFaults) }),
    },
    { weight: 3, arbitrary: record({ do: constantFrom('compact', 'away', 'back') }) },
    { weight: 4, arbitrary: record({ do: doing('restart'), without: anyPlace }) },
    { weight: 1, arbitrary: record({ do: constantFrom('hold on', 'lead again') }) },
    { weight: 12, arbitrary: record({ do: doing('reconcile') }) },
    {
      weight: 4,
      arbitrary: record({ do: doing('wait'), ms: integer({ min: 1, max: 700 }).map((s) => s * 1000) }),
    },
    {
      weight: 1,
      arbitrary: record({
        do: doing('damage'),
        service: integer({ min: 0, max: 3 }),
        list: constantFrom('allow', 'deny', 'settings'),
      }),
    },
  ];
  if (isUnreadable) {
    steps.push(
      {
        weight: 2,
        arbitrary: record({
          do: doing('replace'),
          place: constant(configMaps),
          name: names,
          object: labelled,
          isMissed: boolean(),
        }),
      },
      {
        weight: 2,
        arbitrary: record({ do: doing('relabel'), name: names, labels: constantFrom(...labels) }),
      },
    );
  }
  if (hasPolicies) {
    const one = { place: policyPlace, name: constantFrom('one', 'two') };
    steps.push(
      { weight: 6, arbitrary: record({ do: doing('write'), ...one, object: policy }) },
      {
        weight: 1,
        arbitrary: record({ do: doing('replace'), ...one, object: policy, isMissed: boolean() }),
      },
      { weight: 2, arbitrary: record({ do: doing('remove'), ...one }) },
    );
  }
  return array(oneof(...steps), { maxLength: 25, size: 'max' });
}
