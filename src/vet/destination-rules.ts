import type { KubeObject } from '../kube/object.js';
import { namespaceOf, record, records, specOf, textAt, textMap, textsAt } from './fields.js';
import type { Fields } from './fields.js';

/** Who asks for which host; Istio looks a rule up from the caller's seat. */
interface RuleQuestion {
  readonly host: string;
  readonly serviceNamespace: string;
  readonly clientNamespace: string;
  readonly rootNamespace: string;
}

/** The TLS settings that a rule gives a port. */
export interface RuleTls {
  /** `DISABLE`, `SIMPLE`, `MUTUAL`, `ISTIO_MUTUAL`; undefined when the rule says nothing of TLS. */
  readonly mode: string | undefined;
  readonly subjectAltNames: readonly string[];
  readonly credentialName: string | undefined;
}

/** A rule's host as Istio reads it: a name without a dot is one of the rule's own namespace. */
export function ruleHost(rule: KubeObject, domain: string): string {
  const host = textAt(specOf(rule), 'host') ?? '';
  return host.includes('.') || host === '*' ? host : `${host}.${namespaceOf(rule)}.svc.${domain}`;
}

/** What stands behind `svc.` in the host of a Kubernetes Service. */
export function domainOf(host: string): string {
  return /\.svc\.(.+)$/.exec(host)?.[1] ?? 'cluster.local';
}

export function matchesHost(pattern: string, host: string): boolean {
  if (pattern === '*') return true;
  return pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : pattern === host;
}

/** Rules that could be for the host, whoever asks. */
export function rulesForHost(rules: readonly KubeObject[], host: string): readonly KubeObject[] {
  return rules.filter((rule) => matchesHost(ruleHost(rule, domainOf(host)), host));
}

/** Whether `exportTo` lets a namespace see the object; without the field everybody sees it. */
export function isExportedTo(object: KubeObject, namespace: string): boolean {
  const exportTo = textsAt(specOf(object), 'exportTo');
  return sees(exportTo, namespaceOf(object), namespace);
}

/** @param exportTo `*`, `.`, `~` or names */
export function sees(exportTo: readonly string[], owner: string, namespace: string): boolean {
  if (exportTo.length === 0 || exportTo.includes('*')) return true;
  return exportTo.includes(namespace) || (exportTo.includes('.') && owner === namespace);
}

export function isSelective(rule: KubeObject): boolean {
  return Object.keys(textMap(record(specOf(rule)['workloadSelector'])['matchLabels'])).length > 0;
}

/**
 * The rule that a sidecar goes by: the first hit of the caller's namespace, the service's, the mesh's root namespace;
 * within one namespace the most specific host. Nothing is merged across namespaces
 * (I:pilot/pkg/model/push_context.go). Rules for single workloads are left out.
 */
export function effectiveRule(
  rules: readonly KubeObject[],
  { host, serviceNamespace, clientNamespace, rootNamespace }: RuleQuestion,
): KubeObject | undefined {
  const candidates = rulesForHost(rules, host).filter((rule) => !isSelective(rule));
  for (const namespace of [clientNamespace, serviceNamespace, rootNamespace]) {
    const [best] = candidates
      .filter((rule) => namespaceOf(rule) === namespace)
      .filter((rule) => namespace === clientNamespace || isExportedTo(rule, clientNamespace))
      .toSorted((a, b) => ruleHost(b, domainOf(host)).length - ruleHost(a, domainOf(host)).length);
    if (best !== undefined) return best;
  }
  return undefined;
}

/** What a rule says of TLS to one service port; a port's own settings replace the others as a whole. */
export function tlsOf(rule: KubeObject | undefined, port: number): RuleTls {
  const policy = record(rule === undefined ? undefined : specOf(rule)['trafficPolicy']);
  const ofPort = records(policy['portLevelSettings']).find(
    (settings) => record(settings['port'])['number'] === port,
  );
  return readTls(record((ofPort ?? policy)['tls']));
}

function readTls(tls: Fields): RuleTls {
  return {
    mode: textAt(tls, 'mode'),
    subjectAltNames: textsAt(tls, 'subjectAltNames'),
    credentialName: textAt(tls, 'credentialName'),
  };
}
