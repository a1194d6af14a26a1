import type { ServiceConfig } from '../config/schema.js';
import { levels } from './check.js';
import type { Check, Finding, ServiceScope, Sighting, Unjudged, VetReport } from './check.js';
import { UnknownFact } from './datum.js';
import type { Gap } from './datum.js';
import type { Facts } from './facts.js';
import { viewService } from './service-view.js';

interface Place {
  readonly service?: string;
  readonly device?: string;
}

interface Run extends Place {
  readonly look: () => readonly Sighting[];
}

/**
 * Judges the facts by every check, for each service and device on its own.
 *
 * A check that cannot judge is `unknown` with what it lacked; one that fails is `unknown` too and says that it is at
 * fault itself. Neither counts as fine. Pure.
 */
export function runChecks(checks: readonly Check[], facts: Facts): VetReport {
  const findings: Finding[] = [];
  const unknown: Unjudged[] = [];
  const fine: string[] = [];
  for (const check of checks) {
    const before = findings.length + unknown.length;
    for (const { look, ...place } of runsOf(check, facts)) {
      const { code, level } = check;
      try {
        findings.push(...look().map((sighting) => ({ level, ...printable(sighting), code, ...place })));
      } catch (error) {
        unknown.push({ code, gap: gapOf(error), ...place });
      }
    }
    if (findings.length + unknown.length === before) fine.push(check.code);
  }
  return { findings: findings.toSorted(byLevel), unknown, fine };
}

function runsOf(check: Check, facts: Facts): readonly Run[] {
  if (check.about === 'mesh') return [{ look: () => check.look(facts) }];
  if (check.about === 'device') {
    return facts.config.devices.map((config) => ({
      device: config.name,
      look: () => check.look({ facts, config, device: required(facts.devices.get(config.name)) }),
    }));
  }
  return facts.config.services.map((config) => ({
    service: config.name,
    look: () => check.look(scopeOf(config, facts)),
  }));
}

function scopeOf(config: ServiceConfig, facts: Facts): ServiceScope {
  const deviceConfig = required(facts.config.devices.find(({ name }) => name === config.device));
  return {
    facts,
    config,
    own: required(facts.services.get(config.name)),
    device: required(facts.devices.get(config.device)),
    deviceConfig,
    view: viewService(config, facts),
  };
}

/** Of services and devices whose names were checked when the config was read. */
function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('facts are read for every service and device');
  return value;
}

function gapOf(error: unknown): Gap {
  if (error instanceof UnknownFact) return error.gap;
  const name = error instanceof Error ? error.name : typeof error;
  return { reason: `the check itself failed (${name}); please report it with its code` };
}

/** Names and messages of objects are whatever somebody wrote there: none of it reaches a terminal as a command. */
function printable(sighting: Sighting): Sighting {
  const plain = (text: string): string => text.replaceAll(/\p{Cc}+/gu, ' ');
  return { ...sighting, object: plain(sighting.object), seen: plain(sighting.seen) };
}

function byLevel(a: Finding, b: Finding): number {
  return (
    levels.indexOf(a.level) - levels.indexOf(b.level) || (a.code < b.code ? -1 : a.code > b.code ? 1 : 0)
  );
}
