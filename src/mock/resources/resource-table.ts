import { dataGroupFile, externalDataGroup, internalDataGroup } from './data-group.js';
import { clientSsl } from './client-ssl.js';
import { cmDevice, dbVariable, deviceGroup, provision, trafficGroup, vlan } from './device-kinds.js';
import { logConfig } from './log-config.js';
import { monitorResources } from './monitor-kinds.js';
import { node } from './node.js';
import { folder, partition, routeDomain } from './partition.js';
import { pool } from './pool.js';
import type { ResourceKind } from './resource-kind.js';
import { rule } from './rule.js';
import { serverSsl } from './server-ssl.js';
import { sslCert } from './ssl-cert.js';
import { sslCrl } from './ssl-crl.js';
import { sslKey } from './ssl-key.js';
import { statisticsProfile } from './statistics-profile.js';
import { tcpProfile } from './tcp-profile.js';
import { trafficProfiles } from './traffic-profiles.js';
import { virtual } from './virtual.js';
import { virtualAddress } from './virtual-address.js';

/** Every kind that the mock's configuration knows, by its path below `/mgmt/tm`. */
export class ResourceTable {
  readonly #kinds: ReadonlyMap<string, ResourceKind>;
  /** Kinds that stand by themselves, subcollections left out. */
  readonly topLevel: readonly ResourceKind[];

  constructor() {
    this.topLevel = topLevel;
    const subcollections = this.topLevel.flatMap((kind) =>
      (kind.subcollections ?? []).flatMap((sub) => (sub.kind === undefined ? [] : [sub.kind])),
    );
    this.#kinds = new Map([...this.topLevel, ...subcollections].map((kind) => [kind.path, kind]));
  }

  find(path: string): ResourceKind | undefined {
    return this.#kinds.get(path);
  }

  /** @throws Error for a kind that the table does not have. */
  kind(path: string): ResourceKind {
    const kind = this.#kinds.get(path);
    if (kind === undefined) throw new Error(`no resource kind ${path}`);
    return kind;
  }
}

const topLevel: readonly ResourceKind[] = [
  partition,
  cmDevice,
  deviceGroup,
  trafficGroup,
  externalDataGroup,
  internalDataGroup,
  ...monitorResources,
  node,
  pool,
  clientSsl,
  serverSsl,
  statisticsProfile,
  tcpProfile,
  ...trafficProfiles,
  rule,
  virtual,
  virtualAddress,
  routeDomain,
  vlan,
  dbVariable,
  dataGroupFile,
  sslCert,
  sslCrl,
  sslKey,
  folder,
  ...logConfig,
  provision,
];
