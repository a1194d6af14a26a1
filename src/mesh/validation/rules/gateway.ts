import { fieldsAt, has, listAt, objectsAt, textAt, textsAt } from '../fields.js';
import { isDnsLabel, isIpAddress, refusePort, refuseWildcardDomain } from '../names.js';
import { Findings, webhook } from '../problem.js';
import type { Problem } from '../problem.js';
import type { Fields } from '../structural-schema.js';

const protocols = new Set([
  'http',
  'http2',
  'http_proxy',
  'https',
  'grpc',
  'grpc-web',
  'tls',
  'tcp',
  'udp',
  'mongo',
  'mysql',
  'redis',
  'hbone',
]);

/** Source: I:pkg/config/validation/validation.go, `ValidateGateway`, and the definition's CEL rules. */
export function checkGateway(object: Fields): Problem[] {
  const findings = new Findings(webhook);
  const spec = fieldsAt(object, 'spec');
  const name = textAt(fieldsAt(object, 'metadata'), 'name');
  if (name !== '' && !isDnsLabel(name)) findings.error('metadata.name', `invalid gateway name: ${name}`);
  if (listAt(spec, 'servers').length === 0) {
    findings.error('spec.servers', 'gateway must have at least one server');
  }
  const portNames = new Set<string>();
  for (const [index, server] of objectsAt(spec, 'servers')) {
    const path = `spec.servers[${index}]`;
    const port = fieldsAt(server, 'port');
    const portName = textAt(port, 'name');
    if (has(port, 'name') && portName === '') findings.error(`${path}.port.name`, 'port name must be set');
    if (portName !== '' && portNames.has(portName)) {
      findings.error(`${path}.port.name`, `port names in servers must be unique: duplicate name ${portName}`);
    }
    portNames.add(portName);
    checkServer(server, port, path, findings);
  }
  return findings.problems;
}

function checkServer(server: Fields, port: Fields | undefined, path: string, findings: Findings): void {
  if (has(port, 'number')) findings.check(`${path}.port.number`, refusePort(port?.['number']));
  if (listAt(server, 'hosts').length === 0) {
    findings.error(`${path}.hosts`, 'server config must contain at least one host');
  }
  for (const [index, host] of textsAt(server, 'hosts').entries()) {
    findings.check(`${path}.hosts[${index}]`, refuseHost(host));
  }
  const bind = textAt(server, 'bind');
  if (bind !== '' && !isIpAddress(bind) && !bind.startsWith('unix://')) {
    findings.error(`${path}.bind`, `"${bind}" is not a valid IP address`);
  }
  const protocol = textAt(port, 'protocol').toLowerCase();
  if (has(port, 'protocol') && !protocols.has(protocol)) {
    findings.error(`${path}.port.protocol`, `invalid protocol "${protocol}"`);
  }
  const tls = fieldsAt(server, 'tls');
  const isTls = protocol === 'https' || protocol === 'tls';
  if (isTls && tls === undefined) {
    findings.error(path, 'server must have TLS settings for HTTPS/TLS protocols');
  }
  if (['http', 'http2', 'grpc', 'grpc-web'].includes(protocol) && tls !== undefined) {
    const others = Object.keys(tls).filter((field) => field !== 'httpsRedirect');
    if (others.length > 0) findings.error(path, 'server cannot have TLS settings for plain text HTTP ports');
  }
  if (tls !== undefined) checkServerTls(tls, `${path}.tls`, findings);
}

function checkServerTls(tls: Fields, path: string, findings: Findings): void {
  const exclusive = [
    ['tlsCertificates', 'credentialNames', 'only one of credentialNames or tlsCertificates can be set'],
    ['credentialName', 'credentialNames', 'only one of credentialName or credentialNames can be set'],
  ] as const;
  for (const [one, other, reason] of exclusive) {
    if (has(tls, one) && has(tls, other)) findings.error(path, `Invalid value: ${reason}`);
  }
  const mode = textAt(tls, 'mode') || 'PASSTHROUGH';
  const given = (name: string): boolean => textAt(tls, name) !== '' || listAt(tls, name).length > 0;
  const names = ['credentialName', 'credentialNames', 'serverCertificate', 'privateKey', 'tlsCertificates'];
  const used = [...names, 'caCertificates'].filter(given);
  if (['PASSTHROUGH', 'AUTO_PASSTHROUGH', 'ISTIO_MUTUAL'].includes(mode)) {
    if (used.length > 0 && (has(tls, 'mode') || !has(tls, 'httpsRedirect'))) {
      findings.error(path, `${mode} mode does not use certificates, ${used.join(', ')} should be unset`);
    }
    return;
  }
  const isElsewhere = ['credentialName', 'credentialNames', 'tlsCertificates'].some(given);
  if (isElsewhere) return;
  if (!given('serverCertificate')) findings.error(path, `${mode} TLS requires a server certificate`);
  if (!given('privateKey')) findings.error(path, `${mode} TLS requires a private key`);
  if (mode !== 'SIMPLE' && !given('caCertificates') && !given('caCertCredentialName')) {
    findings.error(path, `${mode} TLS requires a client CA bundle`);
  }
}

/** `[NAMESPACE/]HOST`; the namespace may be `.` or `*`. */
function refuseHost(host: string): string | undefined {
  const [first = '', second, ...rest] = host.split('/');
  if (rest.length > 0) return `invalid host "${host}"`;
  if (second === undefined) return host === '*' ? undefined : refuseWildcardDomain(host);
  if (first !== '*' && first !== '.' && !isDnsLabel(first))
    return `invalid namespace value "${first}" in "${host}"`;
  return second === '*' ? undefined : refuseWildcardDomain(second);
}
