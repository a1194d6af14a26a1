/** Commands that the documentation shows and that no test can run as they stand, each with the reason. */
export const notRun: Readonly<Record<string, string>> = {
  'npm ci && npm run demo': 'installs packages; test/scenario/golden.test.ts runs the demo',
  'npm ci && npm test': 'would run itself',
  'bigip-mesh mock --listen 127.0.0.1:8443 --user admin:secret':
    'goes on, on a port that may be taken; docs/reference/mock.md runs it on a free one',
  'kubectl get configmap bigip-mesh-status -n mesh-edge -o yaml':
    'is the status during a rotation of days; docs/how-to/run-the-controller.md reads it',
  'kubectl -n mesh-edge logs deploy/bigip-mesh': 'needs a cluster that runs the image',
  'npm run conformance -- --url https://192.0.2.10 --ca bigip.pem --user admin --password-file password':
    'asks a real device; test/unit/conformance runs every check against the mock',
  'npm run conformance -- --url https://192.0.2.10 --ca bigip-ca.pem --user mesh --password-file password':
    'asks a real device; test/unit/conformance runs every check against the mock',
  'spire-server entry create -parentID spiffe://cluster.local/node \\': 'needs a SPIRE server',
};
