import { has, textAt } from '../fields.js';
import type { Findings } from '../problem.js';
import type { Fields } from '../structural-schema.js';

/** Source: I:pkg/config/validation/agent/validation.go, `ValidateTLS`. ISTIO_MUTUAL demands nothing. */
export function checkClientTls(tls: Fields | undefined, path: string, findings: Findings): void {
  if (tls === undefined) return;
  const given = (name: string): boolean => textAt(tls, name) !== '';
  // The zero value of the mode is DISABLE, which reads none of the fields.
  const mode = textAt(tls, 'mode') || 'DISABLE';
  if (mode !== 'SIMPLE' && mode !== 'MUTUAL') return;
  if (tls['insecureSkipVerify'] === true) {
    const excluded = ['caCertificates', ...(mode === 'SIMPLE' ? ['credentialName'] : [])].filter(given);
    if (excluded.length > 0 || has(tls, 'subjectAltNames')) {
      const names = [...excluded, ...(has(tls, 'subjectAltNames') ? ['subjectAltNames'] : [])].join(', ');
      findings.error(path, `cannot specify ${names} when insecureSkipVerify is set true`);
    }
  }
  if (given('credentialName')) {
    const files = ['clientCertificate', 'privateKey', 'caCertificates', 'caCrl'].filter(given);
    if (files.length > 0) {
      findings.error(path, `cannot specify ${files.join(', ')} if credentialName is set`);
    }
    return;
  }
  if (mode === 'SIMPLE') return;
  if (!given('clientCertificate')) findings.error(path, 'client certificate required for mutual tls');
  if (!given('privateKey')) findings.error(path, 'private key required for mutual tls');
}
