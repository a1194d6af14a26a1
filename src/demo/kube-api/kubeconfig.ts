import { stringify } from 'yaml';

interface KubeconfigParts {
  readonly server: string;
  readonly token: string;
  /** Absent over plain HTTP. */
  readonly tls: { readonly ca: string; readonly serverName: string } | undefined;
}

/** A kubeconfig of one context. */
export function renderKubeconfig({ server, token, tls }: KubeconfigParts): string {
  const name = 'kube-api';
  const trust =
    tls === undefined
      ? { 'insecure-skip-tls-verify': true }
      : {
          'certificate-authority-data': Buffer.from(tls.ca).toString('base64'),
          'tls-server-name': tls.serverName,
        };
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server, ...trust } }],
    users: [{ name, user: { token } }],
    contexts: [{ name, context: { cluster: name, user: name, namespace: 'default' } }],
    'current-context': name,
  });
}
