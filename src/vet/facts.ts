import type { X509Certificate } from 'node:crypto';
import type { AgentConfig } from '../config/schema.js';
import type { KubeObject } from '../kube/object.js';
import type { ReadAllowlist } from '../reconcile/read-allowlist.js';
import type { Datum } from './datum.js';
import type { MeshConfig } from './mesh-config.js';

/** All that `vet` judges by, read at one moment and never changed. */
export interface Facts {
  readonly now: Date;
  readonly config: AgentConfig;
  readonly cluster: ClusterFacts;
  /** By the name of the device in the config file. */
  readonly devices: ReadonlyMap<string, DeviceFacts>;
  /** By the name of the service in the config file. */
  readonly services: ReadonlyMap<string, ServiceFacts>;
}

/** The kinds that are listed over all namespaces. */
export const listedKinds = [
  'namespaces',
  'pods',
  'services',
  'endpoints',
  'endpointSlices',
  'serviceAccounts',
  'networkPolicies',
  'workloadEntries',
  'serviceEntries',
  'destinationRules',
  'sidecars',
  'peerAuthentications',
  'authorizationPolicies',
  'validatingWebhooks',
  'customResourceDefinitions',
  'deployments',
] as const;
export type ListedKind = (typeof listedKinds)[number];

/** What the cluster says. */
export interface ClusterFacts extends Readonly<Record<ListedKind, Datum<readonly KubeObject[]>>> {
  readonly meshConfig: Datum<MeshConfig>;
  /** The `mesh` text of the ConfigMaps `istio-REVISION`, by revision. */
  readonly revisionConfigs: ReadonlyMap<string, Datum<MeshConfig>>;
  /** `root-cert.pem` of the ConfigMap `istio-ca-root-cert`, by namespace. */
  readonly publishedRoots: ReadonlyMap<string, Datum<string>>;
  /** What the mesh CA's secrets hold, as far as it may be told: never a key. */
  readonly caSecrets: Datum<CaSecretFacts>;
  /** The cluster's name, as sidecars tell it to the CA. */
  readonly clusterName: Datum<string>;
  /** What the user that runs vet may do of what the agent has to do. */
  readonly agentRights: Datum<readonly AgentRight[]>;
}

/** The mesh CA's secrets, judged where they were read. */
export interface CaSecretFacts {
  /** Of `cacerts` and `istio-ca-secret`, those that exist. */
  readonly names: readonly string[];
  /** Why the one that istiod takes cannot sign; absent when it can. */
  readonly fault?: string;
  /** SHA-256 of the root that its chain ends in, lower-case hex. */
  readonly rootFingerprint256?: string;
  readonly notAfter?: Date;
}

/** One permission of the agent's. */
export interface AgentRight {
  readonly verb: string;
  /** Empty for the core group. */
  readonly group: string;
  /** `serviceaccounts/token` */
  readonly resource: string;
  readonly namespace: string;
  readonly name?: string;
  readonly allowed: boolean;
}

/** Members of an object as the device gives them. */
export type Members = Readonly<Record<string, unknown>>;

/** What a BIG-IP says of itself. */
export interface DeviceFacts {
  readonly version: Datum<string>;
  /** What is not ready, in the device's words; empty when all is. */
  readonly notReady: Datum<readonly string[]>;
  readonly user: Datum<DeviceUser>;
  readonly tokens: Datum<{ readonly count: number }>;
  /** How far the device's clock is ahead of ours, in milliseconds; negative when it is behind. */
  readonly clockAheadMs: Datum<number>;
  readonly sync: Datum<SyncFacts>;
  /** What each unit says of itself: `ACTIVE`, `STANDBY`, or why it says nothing. */
  readonly failover: Datum<readonly string[]>;
  /** Virtual servers of the partition, with their profiles. */
  readonly virtuals: Datum<readonly Members[]>;
  readonly clientSslProfiles: Datum<readonly Members[]>;
  readonly dataGroups: Datum<readonly Members[]>;
  readonly certificates: Datum<readonly Members[]>;
  /** iRules that virtual servers of the partition name, by full path. */
  readonly rules: ReadonlyMap<string, Datum<Members>>;
}

export interface DeviceUser {
  readonly name: string;
  /** Such as `admin` on `all-partitions`. */
  readonly access: ReadonlyArray<{ readonly partition: string; readonly role: string }>;
}

export interface SyncFacts {
  /** Of the failover group: `In Sync`, `Changes Pending`, `Standalone`, ... */
  readonly status: string;
  /** `standalone`, `high-availability`, ... */
  readonly mode: string;
  readonly summary: string;
}

/** What belongs to one service of the config file alone. */
export interface ServiceFacts {
  readonly allowlist: Datum<ReadAllowlist>;
  readonly listener: Datum<ListenerFacts>;
}

/** What was seen of a listener from outside. */
export interface ListenerFacts {
  /** Nobody takes connections there: refused. */
  readonly isClosed: boolean;
  /** What came in answer to a sidecar's ClientHello; undefined when no TLS server answered. */
  readonly flight: ServerFlight | undefined;
  /** The same without a server name. */
  readonly flightWithoutName: ServerFlight | undefined;
  /** `TLSv1.1` and the like, when an old client was served. */
  readonly oldestVersion: string | undefined;
  /** What came back on a connection in plain TCP; undefined when nothing did. */
  readonly plaintextAnswer: string | undefined;
}

/** What a TLS 1.2 server says before it knows its caller. */
export interface ServerFlight {
  /** `TLSv1.2` */
  readonly version: string;
  readonly alpn: string | undefined;
  /** Leaf first, in the order in which they were sent. */
  readonly certificates: readonly X509Certificate[];
  readonly requestsCertificate: boolean;
  /** The alert with which it broke off. */
  readonly alert: number | undefined;
}
