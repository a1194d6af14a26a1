import { fieldsAt, has, listAt, numberAt, objectsAt, textAt, textsAt } from '../fields.js';
import { durationMs, refuseDuration } from '../names.js';
import type { Findings } from '../problem.js';
import type { Fields } from '../structural-schema.js';

/** Source: I:pkg/config/validation/validation.go, `validateConnectionPool`, and the definition's CEL rules. */
export function checkConnectionPool(pool: Fields | undefined, path: string, findings: Findings): void {
  if (pool === undefined) return;
  const http = fieldsAt(pool, 'http');
  const tcp = fieldsAt(pool, 'tcp');
  if (http === undefined && tcp === undefined) {
    findings.error(path, 'connection pool must have at least one field');
  }
  const counts = [
    'http1MaxPendingRequests',
    'http2MaxRequests',
    'maxRequestsPerConnection',
    'maxRetries',
    'maxConcurrentStreams',
  ];
  for (const name of counts) checkNotNegative(http, name, `${path}.http`, findings);
  checkNotNegative(tcp, 'maxConnections', `${path}.tcp`, findings);
  checkDurations(http, ['idleTimeout'], `${path}.http`, findings);
  checkDurations(tcp, ['connectTimeout', 'maxConnectionDuration'], `${path}.tcp`, findings);
  checkDurations(fieldsAt(tcp, 'tcpKeepalive'), ['time', 'interval'], `${path}.tcp.tcpKeepalive`, findings);
  // 0s turns this one off.
  const idle = textAt(tcp, 'idleTimeout');
  if (has(tcp, 'idleTimeout') && durationMs(idle) !== 0) {
    findings.check(`${path}.tcp.idleTimeout`, refuseDuration(idle));
  }
  if (http?.['useClientProtocol'] === true && textAt(http, 'h2UpgradePolicy') === 'UPGRADE') {
    findings.error(`${path}.http`, 'use client protocol must not be true when H2UpgradePolicy is UPGRADE');
  }
}

/** Source: I:pkg/config/validation/validation.go, `validateOutlierDetection`. */
export function checkOutlierDetection(outlier: Fields | undefined, path: string, findings: Findings): void {
  if (outlier === undefined) return;
  checkDurations(outlier, ['interval', 'baseEjectionTime'], path, findings);
  for (const name of ['maxEjectionPercent', 'minHealthPercent']) {
    const percent = numberAt(outlier, name);
    if (percent < 0 || percent > 100)
      findings.error(`${path}.${name}`, `percentage ${percent} is not in range 0..100`);
  }
  if (
    numberAt(outlier, 'consecutiveLocalOriginFailures') > 0 &&
    outlier['splitExternalLocalOriginErrors'] !== true
  ) {
    findings.error(
      path,
      'consecutiveLocalOriginFailures is specified, but splitExternalLocalOriginErrors is set to false',
    );
  }
  if (numberAt(outlier, 'consecutiveErrors') !== 0) {
    findings.warning(
      `${path}.consecutiveErrors`,
      'it is deprecated: use consecutiveGatewayErrors or consecutive5xxErrors',
    );
  }
}

/** Source: I:pkg/config/validation/validation.go, `validateLoadBalancer`. */
export function checkLoadBalancer(balancer: Fields | undefined, path: string, findings: Findings): void {
  if (balancer === undefined) return;
  checkDurations(balancer, ['warmupDurationSecs'], path, findings);
  checkDurations(fieldsAt(balancer, 'warmup'), ['duration'], `${path}.warmup`, findings);
  const hash = fieldsAt(balancer, 'consistentHash');
  const cookie = fieldsAt(hash, 'httpCookie');
  if (cookie !== undefined && textAt(cookie, 'name') === '') {
    findings.error(`${path}.consistentHash.httpCookie.name`, 'name required for HttpCookie');
  }
  if (has(hash, 'httpHeaderName') && !/^[-!#$%&'*+.^_`|~0-9A-Za-z]+$/.test(textAt(hash, 'httpHeaderName'))) {
    findings.error(`${path}.consistentHash.httpHeaderName`, 'it is not a valid header name');
  }
  const locality = fieldsAt(balancer, 'localityLbSetting');
  if (locality !== undefined) checkLocality(locality, `${path}.localityLbSetting`, findings);
}

/** Source: I:pkg/config/validation/agent/validation.go, `ValidateLocalityLbSetting`. */
function checkLocality(locality: Fields, path: string, findings: Findings): void {
  const distribute = objectsAt(locality, 'distribute');
  const failover = objectsAt(locality, 'failover');
  const isOrdered = listAt(locality, 'failoverPriority').length > 0;
  if (distribute.length > 0 && (failover.length > 0 || isOrdered)) {
    findings.error(path, "can not simultaneously specify 'distribute' and 'failover' or 'failoverPriority'");
  }
  for (const [index, { from, to }] of distribute) {
    const where = `${path}.distribute[${index}]`;
    if (typeof from !== 'string' || from === '')
      findings.error(`${where}.from`, 'locality must not be empty');
    const weights = Object.values((to ?? {}) as Fields).filter((weight) => typeof weight === 'number');
    if (weights.includes(0)) findings.error(`${where}.to`, 'locality weight must be in range [1, 100]');
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    if (total !== 100) findings.error(`${where}.to`, `total locality weight ${total} != 100`);
  }
  for (const [index, { from, to }] of failover) {
    if (from === to) {
      findings.error(
        `${path}.failover[${index}]`,
        'locality lb failover settings must specify different regions',
      );
    }
    if ([from, to].some((region) => typeof region === 'string' && /[/*]/.test(region))) {
      findings.error(`${path}.failover[${index}]`, 'locality lb failover only specify region');
    }
  }
  if (new Set(textsAt(locality, 'failoverPriority')).size !== listAt(locality, 'failoverPriority').length) {
    findings.error(`${path}.failoverPriority`, 'it names something twice');
  }
}

function checkDurations(
  fields: Fields | undefined,
  names: readonly string[],
  path: string,
  findings: Findings,
): void {
  for (const name of names) {
    if (has(fields, name)) findings.check(`${path}.${name}`, refuseDuration(textAt(fields, name)));
  }
}

function checkNotNegative(fields: Fields | undefined, name: string, path: string, findings: Findings): void {
  if (numberAt(fields, name) < 0) findings.error(`${path}.${name}`, `${name} must be non-negative`);
}
