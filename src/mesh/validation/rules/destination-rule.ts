import { fieldsAt, has, objectsAt, textAt } from '../fields.js';
import { checkLabels, checkSelector } from '../labels.js';
import { isDnsLabel, isIpAddress, refuseFqdn, refusePort, refuseWildcardDomain } from '../names.js';
import { Findings, webhook } from '../problem.js';
import type { Problem } from '../problem.js';
import type { Fields } from '../structural-schema.js';
import { checkClientTls } from './client-tls.js';
import { checkExportTo } from './export-to.js';
import { checkConnectionPool, checkLoadBalancer, checkOutlierDetection } from './traffic-settings.js';

/** Source: I:pkg/config/validation/validation.go, `ValidateDestinationRule`. */
export function checkDestinationRule(object: Fields): Problem[] {
  const findings = new Findings(webhook);
  const spec = fieldsAt(object, 'spec');
  if (spec === undefined) return findings.problems;
  if (has(spec, 'host')) findings.check('spec.host', refuseWildcardDomain(textAt(spec, 'host')));
  checkTrafficPolicy(fieldsAt(spec, 'trafficPolicy'), 'spec.trafficPolicy', findings);
  const names = new Set<string>();
  for (const [index, subset] of objectsAt(spec, 'subsets')) {
    const path = `spec.subsets[${index}]`;
    const name = textAt(subset, 'name');
    if (names.has(name)) findings.error(`${path}.name`, `duplicate subset name: ${name}`);
    names.add(name);
    if (!isDnsLabel(name)) findings.error(`${path}.name`, `subset name is invalid: ${name}`);
    checkLabels(fieldsAt(subset, 'labels'), `${path}.labels`, findings);
    checkTrafficPolicy(fieldsAt(subset, 'trafficPolicy'), `${path}.trafficPolicy`, findings);
  }
  const selector = fieldsAt(spec, 'workloadSelector');
  checkSelector(
    fieldsAt(selector, 'matchLabels'),
    'spec.workloadSelector.matchLabels',
    findings,
    'label match',
  );
  const kind = selector === undefined ? 'DestinationRule' : 'DestinationRule with workloadSelector';
  checkExportTo(spec, textAt(fieldsAt(object, 'metadata'), 'namespace'), kind, findings);
  checkCredentialName(spec, findings);
  return findings.problems;
}

const settings = ['connectionPool', 'loadBalancer', 'outlierDetection', 'tls'] as const;
const policies = [...settings, 'portLevelSettings', 'tunnel', 'proxyProtocol', 'retryBudget'] as const;

function checkTrafficPolicy(policy: Fields | undefined, path: string, findings: Findings): void {
  if (policy === undefined) return;
  if (!policies.some((name) => has(policy, name))) {
    findings.error(path, 'traffic policy must have at least one field');
  }
  if (has(policy, 'tunnel') && has(policy, 'proxyProtocol')) {
    findings.error(path, 'tunnel and proxyProtocol must not be set together');
  }
  checkSettings(policy, path, findings);
  checkTunnel(fieldsAt(policy, 'tunnel'), `${path}.tunnel`, findings);
  for (const [index, ofPort] of objectsAt(policy, 'portLevelSettings')) {
    const where = `${path}.portLevelSettings[${index}]`;
    const port = fieldsAt(ofPort, 'port');
    if (port === undefined) findings.error(`${where}.port`, 'portTrafficPolicy must have valid port');
    else findings.check(`${where}.port.number`, refusePort(port['number']));
    if (!settings.some((name) => has(ofPort, name))) {
      findings.error(where, 'port traffic policy must have at least one field');
    }
    checkSettings(ofPort, where, findings);
  }
}

function checkSettings(policy: Fields, path: string, findings: Findings): void {
  checkConnectionPool(fieldsAt(policy, 'connectionPool'), `${path}.connectionPool`, findings);
  checkLoadBalancer(fieldsAt(policy, 'loadBalancer'), `${path}.loadBalancer`, findings);
  checkOutlierDetection(fieldsAt(policy, 'outlierDetection'), `${path}.outlierDetection`, findings);
  checkClientTls(fieldsAt(policy, 'tls'), `${path}.tls`, findings);
}

function checkTunnel(tunnel: Fields | undefined, path: string, findings: Findings): void {
  if (tunnel === undefined) return;
  if (!['', 'CONNECT', 'POST'].includes(textAt(tunnel, 'protocol'))) {
    findings.error(`${path}.protocol`, 'tunnel protocol must be "CONNECT" or "POST"');
  }
  const host = textAt(tunnel, 'targetHost');
  if (!isIpAddress(host) && refuseFqdn(host) !== undefined) {
    findings.error(`${path}.targetHost`, `tunnel target host is not valid: ${host}`);
  }
  findings.check(`${path}.targetPort`, refusePort(tunnel['targetPort']));
}

/** A sidecar reads a secret by name only for a rule that is its own; else it calls without TLS at all. */
function checkCredentialName(spec: Fields, findings: Findings): void {
  const tls = fieldsAt(fieldsAt(spec, 'trafficPolicy'), 'tls');
  if (textAt(tls, 'credentialName') === '' || has(spec, 'workloadSelector')) return;
  if (!['SIMPLE', 'MUTUAL'].includes(textAt(tls, 'mode'))) return;
  findings.warning(
    'spec.trafficPolicy.tls.credentialName',
    'sidecars call in plain text with a credentialName and without a workloadSelector',
  );
}
