/** Stands for the mesh's own trust domain in policies, whatever that is called. */
const localTrustDomain = 'cluster.local';

/**
 * What a `principals` value stands for in a mesh whose trust domain has aliases.
 *
 * A value of the form `TD/ns/NS/sa/SA` (five parts, patterns included) whose trust domain is one of the mesh's, or
 * `cluster.local`, stands for the same account in all of them. A trust domain `*`, another one, and values of other
 * forms are left as they are. Source: istio/istio:pilot/pkg/security/trustdomain.
 *
 * @param trustDomains that of the mesh, then its aliases.
 */
export function expandPrincipal(principal: string, trustDomains: readonly string[]): readonly string[] {
  const [given = '', ...account] = principal.split('/');
  if (account.length !== 4 || given === '*') return [principal];
  const isLocal = given === localTrustDomain || trustDomains.some((name) => isMatch(name, given));
  if (!isLocal) return [principal];
  const expanded = trustDomains.map((name) =>
    endsAs(name, given) ? principal : [name, ...account].join('/'),
  );
  return [...new Set(expanded)];
}

function isMatch(name: string, given: string): boolean {
  return (
    name === given || endsAs(name, given) || (given.endsWith('*') && name.startsWith(given.slice(0, -1)))
  );
}

/** `old-td` ends as `*-td` says. */
function endsAs(name: string, given: string): boolean {
  return given.startsWith('*') && name.endsWith(given.slice(1));
}
