import type { Clock } from '../clock.js';
import type { Logger } from '../log.js';
import type { MockUser } from './authn/user.js';
import type { ManagementCertificate } from './certificate/self-signed.js';
import { startControlServer } from './control/control-server.js';
import type { DataPlane } from './data-plane/configuration.js';
import type { LogHistory } from './data-plane/log-history.js';
import type { FaultInjector } from './faults/fault-injector.js';
import type { FaultRule } from './faults/fault.js';
import { standalone } from './ha/standalone.js';
import type { RecordedRequest } from './request-history.js';
import type { TmosBranch } from './tmos-version.js';
import { startUnit } from './unit.js';

export interface MockBigIpOptions {
  readonly listen: { readonly host: string; readonly port: number };
  /** Where tests and people reach behind the device: faults, history, restarts. Default: nowhere. */
  readonly control?: { readonly host: string; readonly port: number };
  readonly users: readonly MockUser[];
  /** Default `17.1`. */
  readonly tmosVersion?: TmosBranch;
  /** Default `bigip.example.com`. */
  readonly hostname?: string;
  /** Default: a new self-signed one for `localhost.localdomain` without a SAN, as on a new device. */
  readonly managementCertificate?: ManagementCertificate;
  /** What `/Common/default.crt` and `.key` hold. Default: a new pair, signed by itself. */
  readonly defaultCertificate?: ManagementCertificate;
  /** Without one, nothing listens and rules are only looked at for balanced braces. */
  readonly dataPlane?: DataPlane;
  /** The lines that the data plane logs, for the control port to show. Whoever makes the data plane fills it. */
  readonly log?: LogHistory;
  /** A folder for what `sys config save` saves, and for the next start. Default: memory. */
  readonly stateDir?: string;
  /** Faults that are in force from the start. */
  readonly faults?: readonly FaultRule[];
  /** Determines which requests a fault with a `share` strikes. Default: random. */
  readonly seed?: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onRequest?: (request: RecordedRequest) => void;
}

/** How a device restarts. */
interface Reboot {
  /** How long it takes until every worker answers, through the errors of a device that starts. Default 0. */
  readonly startUpMs?: number;
}

/** A BIG-IP on a port of this machine. */
export interface MockBigIp {
  /** `https://127.0.0.1:34567` */
  readonly url: string;
  /** `http://127.0.0.1:34568`; absent without a control port. */
  readonly controlUrl?: string;
  readonly hostname: string;
  /** Of the management port. */
  readonly certificatePem: string;
  /** `76:B5:...`, as node:tls spells it. */
  readonly fingerprint256: string;
  /** Every request that was answered or dropped (status 0), oldest first. */
  readonly requests: readonly RecordedRequest[];
  forgetRequests(): void;
  /** The latest lines of /var/log/ltm; absent when nobody collects them. */
  readonly log?: LogHistory;
  /** What goes wrong. */
  readonly faults: FaultInjector;
  /** What a restart of restjavad does to clients. */
  forgetTokens(): void;
  /** Starts the device anew, with the configuration that was saved; what was not is lost. */
  reboot(reboot?: Reboot): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts a mock BIG-IP: the management plane of a device, strict where devices are, and, over the data plane,
 * its traffic. It is for tests and for trying things out: it guards nothing, and its keys are worth nothing.
 *
 * Limitations, so that nobody takes them for the device's behaviour:
 * - Kinds: those of `ResourceTable`. No policies, SNAT pools, FQDN nodes, iApps, ASM, AS3.
 * - Profiles other than client-ssl and statistics are configuration without effect on traffic: it is TCP.
 * - Monitors of ICMP and UDP ask nobody: what only they look after is `unchecked`, and takes connections.
 * - A rule's literal names of pools and data groups do not keep those from being deleted.
 * - Route domains are names only; VLANs are `/Common/external` and `/Common/internal`.
 * - `util/unix-rm` and `util/unix-ls` know the upload folder alone; there is no `util/bash`.
 * - Where no public record shows a text, the refusal has the device's form and not its words.
 *
 * @throws AgentError MESH_ERR_MOCK_LISTEN when an address cannot be had, MESH_ERR_MOCK_STATE when the state
 *   folder cannot be used.
 */
export async function startMockBigIp(options: MockBigIpOptions): Promise<MockBigIp> {
  const unit = await startUnit(options, standalone());
  if (options.control === undefined) return unit;
  try {
    const control = await startControlServer(options.control, [unit]);
    return {
      ...unit,
      controlUrl: control.url,
      close: async () => {
        await control.close();
        await unit.close();
      },
    };
  } catch (error) {
    await unit.close();
    throw error;
  }
}
