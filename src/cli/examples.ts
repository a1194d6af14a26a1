/** What people do with each command, for its help. */
export const examples: Readonly<Record<string, readonly (readonly [line: string, what: string])[]>> = {
  demo: [['bigip-mesh demo', 'watch it work, on this machine alone']],
  apply: [
    ['bigip-mesh apply -f config.yaml', 'make it so, and prove it'],
    ['bigip-mesh apply -f config.yaml -o json | jq .services', 'the same, for a script'],
  ],
  plan: [
    ['bigip-mesh plan -f config.yaml', 'what apply would change, and every request that it would send'],
    ['bigip-mesh plan -f config.yaml --detailed-exitcode', 'for CI: exit code 2 when something would change'],
    ['bigip-mesh plan -f config.yaml --device', 'let the BIG-IP check it, too'],
  ],
  status: [
    ['bigip-mesh status -f config.yaml', 'all services at a glance'],
    ['bigip-mesh status echo -f config.yaml', 'all about one'],
  ],
  verify: [
    ['bigip-mesh verify echo -f config.yaml', 'call it as good and bad callers do'],
    [
      'bigip-mesh verify echo -f config.yaml --good-cert sleep.pem --good-key sleep.key',
      'with a certificate of your own',
    ],
  ],
  rotate: [['bigip-mesh rotate echo -f config.yaml', 'a new key and certificate, now']],
  deny: [
    [
      'bigip-mesh deny echo -f config.yaml --caller spiffe://cluster.local/ns/batch/sa/stolen',
      'then put the same line under deny in the ConfigMap',
    ],
  ],
  register: [['bigip-mesh register echo -f config.yaml', 'after a proof']],
  deregister: [['bigip-mesh deregister echo -f config.yaml', 'callers are not sent to the device any more']],
  explain: [
    [
      'bigip-mesh explain spiffe://cluster.local/ns/trusted/sa/sleep --service echo -f config.yaml',
      'may this caller come in, and by which line',
    ],
    ['bigip-mesh explain --cert caller.pem --allowlist callers.yaml', 'ask without a cluster'],
  ],
  vet: [
    ['bigip-mesh vet -f config.yaml', 'what is wrong with mesh, cluster and device'],
    ['bigip-mesh vet -f config.yaml -o sarif > vet.sarif', 'for code scanning'],
  ],
  render: [['bigip-mesh render -f config.yaml | kubectl apply --server-side -f -', 'for GitOps']],
  controller: [['bigip-mesh controller -f config.yaml', 'until it is interrupted']],
  mock: [
    ['bigip-mesh mock --listen 127.0.0.1:8443 --user admin:secret', 'a BIG-IP to practise on'],
    ['bigip-mesh mock --listen 127.0.0.1:8443 --user admin:secret --fault latency,ms=100', 'a slow one'],
  ],
  completion: [
    ['source <(bigip-mesh completion bash)', 'in ~/.bashrc'],
    ['bigip-mesh completion fish | source', 'in config.fish'],
  ],
};

/** The end of a command's help; empty for a command without examples. */
export function renderExamples(command: string): string {
  const lines = examples[command] ?? [];
  if (lines.length === 0) return '';
  return ['', 'Examples:', ...lines.flatMap(([line, what]) => [`  # ${what}`, `  ${line}`])].join('\n');
}
