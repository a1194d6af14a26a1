import type { Secret } from '../../secret.js';
import type { Probe, ProbeOutcome } from './probe.js';
import type { Statistics } from './statistics.js';

/**
 * What the management plane hands to the data plane: the running configuration, resolved to plain values.
 *
 * The data plane knows nothing of REST; it makes its listeners match this and nothing else.
 */
export interface DataPlaneConfiguration {
  readonly virtualServers: readonly VirtualServerConfiguration[];
  readonly dataGroups: readonly DataGroupConfiguration[];
  /** Every pool, for rules that send to one; absent: there are none. */
  readonly pools?: readonly PoolConfiguration[];
  /** Log publishers, for rules that send to one; absent: there are none. */
  readonly logPublishers?: readonly LogPublisherConfiguration[];
  /** Absent: there are none. */
  readonly statisticsProfiles?: readonly StatisticsProfileConfiguration[];
}

export interface VirtualServerConfiguration {
  /** `/mesh/echo` */
  readonly fullPath: string;
  readonly enabled: boolean;
  readonly address: string;
  readonly port: number;
  /** Absent: a plain TCP virtual server. */
  readonly clientSsl?: ClientSslConfiguration;
  /** In the order in which they are attached. */
  readonly rules: readonly RuleConfiguration[];
  readonly pool?: PoolConfiguration;
  /** The statistics profiles that it carries, by full path; absent: none. */
  readonly statisticsProfiles?: readonly string[];
}

export interface ClientSslConfiguration {
  readonly fullPath: string;
  /** One entry per key type. */
  readonly certKeyChain: readonly CertKeyChain[];
  /** The roots that client certificates are verified against (`caFile`). */
  readonly caPem?: string;
  /** The roots that are advertised in CertificateRequest (`clientCertCa`). */
  readonly clientCertCaPem?: string;
  /** The lists that client certificates must not stand in (`crlFile`). */
  readonly crlPem?: string;
  /** Whether a list is good beyond its nextUpdate; absent: no. */
  readonly allowExpiredCrl?: boolean;
  readonly peerCertMode: 'ignore' | 'request' | 'require';
  readonly authenticate: 'once' | 'always';
  readonly authenticateDepth: number;
  readonly retainCertificate: boolean;
  /** 0 turns the session cache off. */
  readonly cacheSize: number;
  readonly cacheTimeoutSeconds: number;
  readonly sessionTicket: boolean;
  readonly renegotiation: boolean;
  readonly allowNonSsl: boolean;
  /** Words of `tmOptions`, such as `no-tlsv1.3`. */
  readonly options: readonly string[];
  readonly handshakeTimeoutSeconds: number;
}

export interface CertKeyChain {
  readonly certPem: string;
  readonly keyPem: Secret;
  readonly passphrase?: Secret;
  readonly chainPem?: string;
}

export interface RuleConfiguration {
  /** `/mesh/spiffe_allowlist` */
  readonly fullPath: string;
  readonly text: string;
}

export interface DataGroupConfiguration {
  readonly fullPath: string;
  readonly type: 'string' | 'ip' | 'integer';
  readonly records: ReadonlyArray<{ readonly name: string; readonly data: string }>;
}

/** Named counters for rules. */
export interface StatisticsProfileConfiguration {
  /** `/mesh/echo_counters` */
  readonly fullPath: string;
  /** The names of its fields. */
  readonly fields: readonly string[];
}

export interface PoolConfiguration {
  readonly fullPath: string;
  /** Members that take connections now. */
  readonly members: ReadonlyArray<{ readonly address: string; readonly port: number }>;
}

/** What stands behind a log publisher: pools, and how they are spoken to. */
export interface LogPublisherConfiguration {
  readonly fullPath: string;
  readonly destinations: ReadonlyArray<{ readonly protocol: 'TCP' | 'UDP'; readonly pool: string }>;
}

/** Why a rule does not load, in the device's own frame: `PATH:LINE: error: [KIND: DETAIL][SOURCE]`. */
export interface RuleLoadError {
  readonly line: number;
  /** `undefined procedure: xlog`, `command is disabled: "namespace"`, `parse error: ...` */
  readonly kind: string;
  /** The source text that the device quotes. */
  readonly source: string;
}

/** What the management plane asks of the data plane. */
export interface DataPlane {
  /** Starts the Tcl interpreter. @throws AgentError MESH_ERR_TCLSH_MISSING where there is none. */
  start(): Promise<void>;
  /** Checks a rule as the device does at load time; an empty list means that it loads. */
  checkRule(rule: RuleConfiguration): Promise<readonly RuleLoadError[]>;
  /**
   * Makes the listeners match. Resolves when each of them listens; connections that are open keep what
   * they started with, new ones get the new state.
   */
  apply(configuration: DataPlaneConfiguration): Promise<void>;
  /** Counters since the start; absent: nothing counts. */
  readonly statistics?: Pick<Statistics, 'snapshot'>;
  /** Looks whether a pool member serves. Absent: nobody does, and monitors find nothing out. */
  probe?(probe: Probe, signal: AbortSignal): Promise<ProbeOutcome>;
  /** Ends every connection, as the loss of power does. Absent: there are none. */
  resetConnections?(): void;
  /** Closes listeners and connections and ends the interpreter. */
  close(): Promise<void>;
}
