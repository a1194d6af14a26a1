import type { KubeObject } from '../../../src/kube/object.js';
import { known } from '../../../src/vet/datum.js';
import type { Datum } from '../../../src/vet/datum.js';
import type { Facts, ListedKind } from '../../../src/vet/facts.js';
import { checks } from '../../../src/vet/registry.js';
import { runChecks } from '../../../src/vet/run-checks.js';
import { withCluster } from './healthy-facts.js';

/** What all checks find in these facts, a line each. */
export function told(facts: Facts): string[] {
  return runChecks(checks, facts).findings.map(({ code, level, seen }) => `${level} ${code}: ${seen}`);
}

/** The objects of a kind; none where they are not known. */
export function listOf(facts: Facts, kind: ListedKind): readonly KubeObject[] {
  const datum: Datum<readonly KubeObject[]> = facts.cluster[kind];
  return datum.state === 'known' ? datum.value : [];
}

/** The same facts with more objects of a kind. */
export function plus(facts: Facts, kind: ListedKind, ...more: readonly KubeObject[]): Facts {
  return withCluster(facts, { [kind]: known([...listOf(facts, kind), ...more]) });
}
