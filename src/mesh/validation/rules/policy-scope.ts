import { fieldsAt, has, objectsAt, textAt } from '../fields.js';
import { checkSelector } from '../labels.js';
import type { Findings } from '../problem.js';
import type { Fields } from '../structural-schema.js';

/** Which workloads or objects a policy is about: a selector, or targets, or neither. */
export function checkPolicyScope(spec: Fields, findings: Findings): void {
  const given = ['selector', 'targetRef', 'targetRefs'].filter((name) => has(spec, name));
  if (given.length > 1) {
    findings.error('spec', 'Invalid value: only one of targetRefs or selector can be set');
  }
  const labels = fieldsAt(fieldsAt(spec, 'selector'), 'matchLabels');
  checkSelector(labels, 'spec.selector.matchLabels', findings, 'label match');
  const single = fieldsAt(spec, 'targetRef');
  if (single !== undefined) checkTarget(single, 'spec.targetRef', findings);
  for (const [index, target] of objectsAt(spec, 'targetRefs')) {
    checkTarget(target, `spec.targetRefs[${index}]`, findings);
  }
}

const targets = new Set([
  '/Service',
  'core/Service',
  'networking.istio.io/ServiceEntry',
  'gateway.networking.k8s.io/Gateway',
  'gateway.networking.k8s.io/GatewayClass',
]);

function checkTarget(target: Fields, path: string, findings: Findings): void {
  const kind = `${textAt(target, 'group')}/${textAt(target, 'kind')}`;
  if (!targets.has(kind)) {
    findings.error(
      path,
      `targetRef must be to a Service, ServiceEntry, Gateway or GatewayClass, not ${kind}`,
    );
  }
  if (textAt(target, 'name') === '') findings.error(`${path}.name`, 'targetRef name must be set');
  if (textAt(target, 'namespace') !== '') {
    findings.error(
      `${path}.namespace`,
      'Invalid value: cross namespace referencing is not currently supported',
    );
  }
}
