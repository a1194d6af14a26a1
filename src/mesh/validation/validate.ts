import { checkCelRules } from './check-cel-rules.js';
import type { CelRules } from './check-cel-rules.js';
import { checkStructure } from './check-structure.js';
import { textAt } from './fields.js';
import { checkMetadata } from './metadata.js';
import { describeProblem } from './problem.js';
import type { Problem } from './problem.js';
import { checkAuthorizationPolicy } from './rules/authorization-policy.js';
import { checkDestinationRule } from './rules/destination-rule.js';
import { checkGateway } from './rules/gateway.js';
import { checkPeerAuthentication } from './rules/peer-authentication.js';
import { checkServiceEntry } from './rules/service-entry.js';
import { checkTelemetry } from './rules/telemetry.js';
import { checkVirtualService } from './rules/virtual-service.js';
import { checkWorkloadEntry } from './rules/workload-entry.js';
import { checkWorkloadGroup } from './rules/workload-group.js';
import { destinationRuleSchema } from './schemas/destination-rule-schema.js';
import { gatewaySchema } from './schemas/gateway-schema.js';
import { authorizationPolicySchema, peerAuthenticationSchema } from './schemas/security-schemas.js';
import { telemetrySchema } from './schemas/telemetry-schema.js';
import { virtualServiceSchema } from './schemas/virtual-service-schema.js';
import { serviceEntrySchema, workloadEntrySchema, workloadGroupSchema } from './schemas/workload-schemas.js';
import { isFields } from './structural-schema.js';
import type { Fields, StructuralSchema } from './structural-schema.js';

/** What is known of a kind without a cluster. */
interface BuiltIn {
  readonly group: string;
  readonly versions: readonly string[];
  readonly schema: StructuralSchema;
  readonly rules: (object: Fields) => Problem[];
}

/** Schemas that a cluster serves, by `describeType` of what they are for. */
export type ServedSchemas = ReadonlyMap<string, StructuralSchema>;

const networking = { group: 'networking.istio.io', versions: ['v1', 'v1beta1', 'v1alpha3'] };
const telemetry = { group: 'telemetry.istio.io', versions: ['v1', 'v1alpha1'] };
const security = { group: 'security.istio.io', versions: ['v1', 'v1beta1'] };

const builtIns: Readonly<Record<string, BuiltIn>> = {
  ServiceEntry: { ...networking, schema: serviceEntrySchema, rules: checkServiceEntry },
  WorkloadEntry: { ...networking, schema: workloadEntrySchema, rules: checkWorkloadEntry },
  WorkloadGroup: { ...networking, schema: workloadGroupSchema, rules: checkWorkloadGroup },
  DestinationRule: { ...networking, schema: destinationRuleSchema, rules: checkDestinationRule },
  Gateway: { ...networking, schema: gatewaySchema, rules: checkGateway },
  VirtualService: { ...networking, schema: virtualServiceSchema, rules: checkVirtualService },
  Telemetry: { ...telemetry, schema: telemetrySchema, rules: checkTelemetry },
  PeerAuthentication: { ...security, schema: peerAuthenticationSchema, rules: checkPeerAuthentication },
  AuthorizationPolicy: { ...security, schema: authorizationPolicySchema, rules: checkAuthorizationPolicy },
};

/** Judges objects of Istio's kinds as the API server and istiod's webhook would, without either. */
export class IstioValidator {
  readonly #cel: CelRules | undefined;

  /** @param cel for the rules in served schemas; without it the built-in rules stand for them */
  constructor(cel?: CelRules) {
    this.#cel = cel;
  }

  /** Whether the kind is one of those that the built-in rules are about. */
  knows({ apiVersion, kind }: { readonly apiVersion: string; readonly kind: string }): boolean {
    const known = Object.hasOwn(builtIns, kind) ? builtIns[kind] : undefined;
    return known?.group === apiVersion.split('/')[0];
  }

  /**
   * Every problem of an object, errors first. No I/O, no clock.
   *
   * Three layers: the definition's schema (the cluster's own where it is given, else the built-in one), the rules in
   * CEL that stand in it, and what istiod's webhook demands, which the built-in rules say. The webhook may be absent in
   * a cluster, and its demands hold there too: sidecars get nonsense otherwise.
   *
   * @param object as it was parsed from YAML or JSON
   * @param served schemas that the cluster serves; see `readServedSchemas`
   */
  validate(object: unknown, served: ServedSchemas = new Map()): Problem[] {
    if (!isFields(object)) {
      return [{ level: 'error', path: '', reason: 'it is not an object', source: 'schema' }];
    }
    const kind = textAt(object, 'kind');
    const apiVersion = textAt(object, 'apiVersion');
    const known = Object.hasOwn(builtIns, kind) ? builtIns[kind] : undefined;
    const definition = served.get(describeType({ apiVersion, kind }));
    const isKnown = known !== undefined && isServedBy(known, apiVersion);
    if (definition === undefined && !isKnown) return [unknownType(apiVersion, kind, known)];
    const schema = withObjectFields(definition ?? known?.schema ?? {});
    const problems = [
      ...checkStructure(schema, object, ''),
      ...(this.#cel === undefined ? [] : checkCelRules(this.#cel, schema, object, '')),
      ...checkMetadata(object),
      ...(isKnown ? known.rules(object) : []),
    ];
    return sorted(problems);
  }
}

/** `networking.istio.io/v1 ServiceEntry` */
export function describeType({
  apiVersion,
  kind,
}: {
  readonly apiVersion: string;
  readonly kind: string;
}): string {
  return `${apiVersion} ${kind}`;
}

function isServedBy({ group, versions }: BuiltIn, apiVersion: string): boolean {
  return versions.some((version) => apiVersion === `${group}/${version}`);
}

function unknownType(apiVersion: string, kind: string, known: BuiltIn | undefined): Problem {
  const hint =
    known === undefined
      ? 'it is not a kind that can be judged here'
      : `it is of ${known.group}, in ${known.versions.join(', ')}`;
  return {
    level: 'error',
    path: 'apiVersion',
    reason: `no matches for kind "${kind}" in version "${apiVersion}": ${hint}`,
    source: 'schema',
  };
}

/** The API server knows these fields of every object, whatever a definition says. */
function withObjectFields(schema: StructuralSchema): StructuralSchema {
  const metadata = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const text = { type: 'string' };
  return { ...schema, properties: { ...schema.properties, apiVersion: text, kind: text, metadata } };
}

/** Errors first, each thing once: a rule may stand in the schema and in the webhook. */
function sorted(problems: readonly Problem[]): Problem[] {
  const once = new Map<string, Problem>();
  for (const problem of problems) {
    const key = `${problem.level} ${describeProblem(problem)}`;
    if (!once.has(key)) once.set(key, problem);
  }
  const all = [...once.values()];
  return [...all.filter(({ level }) => level === 'error'), ...all.filter(({ level }) => level === 'warning')];
}
