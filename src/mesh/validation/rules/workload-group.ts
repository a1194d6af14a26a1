import { fieldsAt, has, listAt, objectsAt, textAt } from '../fields.js';
import { checkLabels, isLabelKey } from '../labels.js';
import { refusePort } from '../names.js';
import { Findings, webhook } from '../problem.js';
import type { Problem } from '../problem.js';
import type { Fields } from '../structural-schema.js';
import { checkUnixAddress, checkWorkloadPorts } from './workload.js';

const probes = ['httpGet', 'tcpSocket', 'exec', 'grpc'] as const;

/**
 * Source: I:pkg/config/validation/validation.go, `validateWorkloadGroup`, and the definition's CEL rules. The template
 * needs no address: each workload that joins brings its own.
 */
export function checkWorkloadGroup(object: Fields): Problem[] {
  const findings = new Findings(webhook);
  const spec = fieldsAt(object, 'spec');
  if (spec === undefined) return findings.problems;
  const metadata = fieldsAt(spec, 'metadata');
  checkLabels(fieldsAt(metadata, 'labels'), 'spec.metadata.labels', findings);
  for (const key of Object.keys(fieldsAt(metadata, 'annotations') ?? {})) {
    if (!isLabelKey(key)) findings.error('spec.metadata.annotations', `invalid annotation key: "${key}"`);
  }
  const template = fieldsAt(spec, 'template');
  if (template !== undefined) {
    checkUnixAddress(template, 'spec.template', findings);
    checkWorkloadPorts(template, 'spec.template', findings);
    checkLabels(fieldsAt(template, 'labels'), 'spec.template.labels', findings);
  }
  const probe = fieldsAt(spec, 'probe');
  if (probe !== undefined) checkProbe(probe, findings);
  return findings.problems;
}

function checkProbe(probe: Fields, findings: Findings): void {
  const given = probes.filter((name) => has(probe, name));
  if (given.length !== 1) {
    findings.error('spec.probe', `exactly one of ${probes.join(', ')} must be set, not ${given.length}`);
  }
  for (const name of ['httpGet', 'tcpSocket', 'grpc'] as const) {
    const port = fieldsAt(probe, name)?.['port'];
    // A gRPC probe without a port has the port 0 of protobuf, which is refused as well.
    if (has(probe, name)) findings.check(`spec.probe.${name}.port`, refusePort(port));
  }
  const httpGet = fieldsAt(probe, 'httpGet');
  if (!['', 'HTTP', 'HTTPS'].includes(textAt(httpGet, 'scheme'))) {
    findings.error('spec.probe.httpGet.scheme', 'Invalid value: scheme must be one of [HTTP, HTTPS]');
  }
  for (const [index, header] of objectsAt(httpGet, 'httpHeaders')) {
    if (textAt(header, 'name') === '') {
      findings.error(`spec.probe.httpGet.httpHeaders[${index}].name`, 'invalid header name: it is empty');
    }
  }
  if (has(probe, 'exec') && listAt(fieldsAt(probe, 'exec'), 'command').length === 0) {
    findings.error('spec.probe.exec.command', 'a command is required for an exec probe');
  }
}
