import type { Check, ServiceScope, Sighting } from '../check.js';
import { nameOf, records, specOf, textAt } from '../fields.js';

const protocols = [
  'tcp',
  'udp',
  'grpc',
  'grpc-web',
  'http',
  'http_proxy',
  'http2',
  'https',
  'tls',
  'mongo',
  'redis',
  'mysql',
];

interface DeclaredPort {
  readonly object: string;
  readonly port: unknown;
  /** As Istio reads it, in lower case; undefined: it looks at the first bytes. */
  readonly protocol: string | undefined;
  readonly transport: string;
}

/** What can be wrong with the protocol that a port declares. */
export const portChecks: readonly Check[] = [
  {
    code: 'BMV011',
    title: 'port without a protocol',
    about: 'service',
    level: 'warning',
    why: 'Istio then waits for the first bytes of the caller to guess the protocol; a server that speaks first, as most databases do, hangs. One that is declared as HTTP has its bytes parsed.',
    mend: 'Set appProtocol: tcp (protocol: TCP in a ServiceEntry), or begin the name of the port with tcp-.',
    look: (scope) =>
      declaredPorts(scope).flatMap(({ object, port, protocol, transport }): Sighting[] => {
        const place = `port ${String(port)}`;
        if (transport !== 'TCP')
          return [{ object, seen: `${place} is of ${transport}, the device serves TCP` }];
        if (protocol === undefined) {
          return [{ object, seen: `${place} has no appProtocol, and its name begins with no protocol` }];
        }
        return /^(http|grpc|udp)/.test(protocol) && protocol !== 'https'
          ? [
              {
                object,
                seen: `${place} is declared as ${protocol}, the device serves ${scope.config.protocol}`,
              },
            ]
          : [];
      }),
  },
  {
    code: 'BMV012',
    title: 'TLS inside of TLS',
    about: 'service',
    level: 'warning',
    why: "A port of protocol TLS is routed by the SNI of the application's own TLS, and the sidecar wraps mutual TLS around it: the device finds TLS inside of TLS.",
    mend: 'Declare the port as tcp and let the application speak plaintext to its sidecar.',
    look: (scope) =>
      declaredPorts(scope)
        .filter(({ protocol }) => protocol === 'tls' || protocol === 'https')
        .map(({ object, port, protocol }) => ({
          object,
          seen: `port ${String(port)} is declared as ${String(protocol)}, and the device serves mutual TLS on it`,
        })),
  },
];

/** The port that the service is called on, wherever it is declared. */
function declaredPorts({ view, config }: ServiceScope): readonly DeclaredPort[] {
  const { service } = view;
  const calls = config.listen.port;
  const own = service === undefined ? [] : view.servicePorts;
  return [
    ...own.map((port) => ({
      object: service === undefined ? '' : nameOf(service),
      port: port['port'],
      protocol:
        known(textAt(port, 'appProtocol')) ?? known(/^[^-]+(-web)?/.exec(textAt(port, 'name') ?? '')?.[0]),
      transport: textAt(port, 'protocol') ?? 'TCP',
      target: port['targetPort'],
    })),
    ...view.serviceEntries.flatMap((entry) =>
      records(specOf(entry)['ports']).map((port) => ({
        object: nameOf(entry),
        port: port['number'],
        protocol: known(textAt(port, 'protocol')),
        transport: 'TCP',
        target: port['targetPort'],
      })),
    ),
  ].filter(({ port, target }) => port === calls || target === calls);
}

function known(text: string | undefined): string | undefined {
  const lower = text?.toLowerCase();
  return lower !== undefined && protocols.includes(lower) ? lower : undefined;
}
