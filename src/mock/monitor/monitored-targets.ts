import type { ConfigObject } from '../config/configuration.js';
import type { Probe } from '../data-plane/probe.js';
import { textOf } from '../json.js';
import { parsePort, withoutRouteDomain } from '../resources/address.js';
import { monitorKinds, monitorNames } from '../resources/monitor.js';
import { nodeMonitorOf } from '../resources/node.js';
import { memberMonitorOf, nodeAndPort } from '../resources/pool-member.js';
import type { View } from '../resources/resource-kind.js';
import { isSet } from '../resources/value-type.js';

/** How one monitor looks after one node or pool member. */
export interface Watch {
  /** `/Common/tcp` */
  readonly monitor: string;
  /** Absent for what the mock cannot ask: ICMP and UDP. */
  readonly probe?: Probe;
  readonly intervalSeconds: number;
  /** The interval while it is up, when it is another. */
  readonly upIntervalSeconds: number;
  readonly timeoutSeconds: number;
}

/** A node or pool member with monitors. */
export interface MonitoredTarget {
  readonly key: string;
  readonly watches: readonly Watch[];
  /** How many of them have to say that it is up. */
  readonly minimum: number;
}

/** Names a node or pool member among all. */
export function targetKey(object: ConfigObject): string {
  return `${object.kind} ${object.parent ?? ''} ${object.name.fullPath}`;
}

/** Everything that a configuration has monitored. Pure. */
export function monitoredTargets(view: View): readonly MonitoredTarget[] {
  const { configuration } = view;
  return [
    ...configuration.all('ltm/node').flatMap((node) => target(node, nodeMonitorOf(node, view), 0, view)),
    ...configuration.all('ltm/pool/members').flatMap((member) => {
      const port = nodeAndPort(member.name.fullPath)?.port ?? 0;
      return target(member, memberMonitorOf(member, view), port, view);
    }),
  ];
}

function target(
  object: ConfigObject,
  rule: string | undefined,
  port: number,
  view: View,
): readonly MonitoredTarget[] {
  if (rule === undefined) return [];
  const address = withoutRouteDomain(textOf(object.own['address']));
  const watches = monitorNames(rule).flatMap((name) => watch(name, { address, port }, view));
  const minimum = /^min (\d+) of/.exec(rule)?.[1];
  return [
    {
      key: targetKey(object),
      watches,
      minimum: minimum === undefined ? watches.length : Number(minimum),
    },
  ];
}

function watch(
  name: string,
  place: { readonly address: string; readonly port: number },
  view: View,
): readonly Watch[] {
  const kind = monitorKinds.find((candidate) => view.configuration.get(candidate, name) !== undefined);
  const monitor = kind === undefined ? undefined : view.configuration.get(kind, name);
  if (monitor === undefined) return [];
  const seconds = (member: string) => Number(view.effective(monitor, member));
  const probe = probeOf(monitor, place, view);
  return [
    {
      monitor: name,
      ...(probe === undefined ? {} : { probe }),
      intervalSeconds: seconds('interval'),
      upIntervalSeconds: seconds('upInterval') || seconds('interval'),
      timeoutSeconds: seconds('timeout'),
    },
  ];
}

function probeOf(
  monitor: ConfigObject,
  place: { readonly address: string; readonly port: number },
  view: View,
): Probe | undefined {
  const type = monitor.kind.slice(monitor.kind.lastIndexOf('/') + 1);
  if (type !== 'tcp' && type !== 'tcp-half-open' && type !== 'http' && type !== 'https') return undefined;
  const [send, receive] = [view.effective(monitor, 'send'), view.effective(monitor, 'recv')];
  const alias = aliasOf(textOf(view.effective(monitor, 'destination')));
  return {
    type,
    address: alias.address ?? place.address,
    port: alias.port ?? place.port,
    ...(isSet(send) ? { send } : {}),
    ...(isSet(receive) ? { receive } : {}),
    isReversed: view.effective(monitor, 'reverse') === 'enabled',
  };
}

/** `*:*` is the member itself, `*:8080` another port of it, `10.0.0.9:80` somebody who answers in its place. */
function aliasOf(destination: string): { readonly address?: string; readonly port?: number } {
  const [, address = '*', written = '*'] = /^(.*)[:.]([^:.]+)$/.exec(destination) ?? [];
  const port = written === '*' ? undefined : parsePort(written);
  return {
    ...(address === '*' ? {} : { address: withoutRouteDomain(address) }),
    ...(port === undefined ? {} : { port }),
  };
}
