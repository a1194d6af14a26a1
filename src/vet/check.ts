import type { DeviceConfig, ServiceConfig } from '../config/schema.js';
import type { Gap } from './datum.js';
import type { DeviceFacts, Facts, ServiceFacts } from './facts.js';
import type { ServiceView } from './service-view.js';

export const levels = ['error', 'warning', 'info'] as const;
export type Level = (typeof levels)[number];

/** What a check saw. */
export interface Sighting {
  /** The object it is about: `WorkloadEntry default/bigip-10.0.0.5`. */
  readonly object: string;
  /** One line: what is there, and what is wrong with it. */
  readonly seen: string;
  /** Where it weighs less or more than the check's own level. */
  readonly level?: Level;
}

/** What a check of one service looks at. */
export interface ServiceScope {
  readonly facts: Facts;
  readonly config: ServiceConfig;
  readonly own: ServiceFacts;
  readonly device: DeviceFacts;
  readonly deviceConfig: DeviceConfig;
  /** What the mesh makes of the service. @throws UnknownFact by its members */
  readonly view: ServiceView;
}

/** What a check of one device looks at. */
interface DeviceScope {
  readonly facts: Facts;
  readonly config: DeviceConfig;
  readonly device: DeviceFacts;
}

interface CheckText {
  /** `BMV001`; never used again for something else. */
  readonly code: string;
  /** The misconfiguration in a few words. */
  readonly title: string;
  /** Of a finding that does not say otherwise. */
  readonly level: Level;
  /** What goes wrong because of it, as users meet it. */
  readonly why: string;
  /** What to do. */
  readonly mend: string;
}

/**
 * One way in which mesh, cluster or device can be set up wrongly.
 *
 * `look` is pure. It gives what it found, or raises `UnknownFact` when it cannot judge by what is known.
 */
export type Check = CheckText &
  (
    | { readonly about: 'mesh'; readonly look: (facts: Facts) => readonly Sighting[] }
    | { readonly about: 'service'; readonly look: (scope: ServiceScope) => readonly Sighting[] }
    | { readonly about: 'device'; readonly look: (scope: DeviceScope) => readonly Sighting[] }
  );

/** A sighting with the check that made it. */
export interface Finding extends Sighting {
  readonly code: string;
  readonly level: Level;
  /** The service of the config file that it concerns. */
  readonly service?: string;
  /** The device of the config file that it concerns. */
  readonly device?: string;
}

/** A check that could not be judged. */
export interface Unjudged {
  readonly code: string;
  readonly gap: Gap;
  readonly service?: string;
  readonly device?: string;
}

/** What a whole run found. */
export interface VetReport {
  readonly findings: readonly Finding[];
  readonly unknown: readonly Unjudged[];
  /** Codes of the checks that were judged everywhere and found nothing. */
  readonly fine: readonly string[];
}
