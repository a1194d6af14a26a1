import { channel, tracingChannel } from 'node:diagnostics_channel';
import type { RequestRecord } from '../icontrol/request.js';

/** One reconcile of one device; `outcome` is there when it has ended. */
export interface ReconcileTrace {
  readonly device: string;
  /** When it was first called for; absent when only its time had come. */
  readonly calledForAt?: string;
  outcome?: {
    /** `modify ltm/pool echo_pool` */
    readonly changes: readonly string[];
    readonly drift: readonly string[];
    /** Codes of what failed. */
    readonly failures: readonly string[];
  };
}

/** One proof of one service, between reconciles. */
export interface ProofTrace {
  readonly device: string;
  readonly service: string;
  outcome?: { readonly passed: boolean };
}

/** Names of the channels, for whoever subscribes; docs/reference/controller.md lists them. */
const channelNames = {
  reconcile: 'bigip-mesh:reconcile',
  proof: 'bigip-mesh:proof',
  deviceRequest: 'bigip-mesh:device-request',
} as const;

/** Lets a tracer see a reconcile as a span: `tracing:bigip-mesh:reconcile:start`, `:end`, `:asyncStart`, `:asyncEnd`. */
export function traceReconcile(trace: ReconcileTrace, reconcile: () => Promise<void>): Promise<void> {
  return tracingChannel<unknown, ReconcileTrace>(channelNames.reconcile).tracePromise(reconcile, trace);
}

/** Lets a tracer see a proof as a span. */
export function traceProof(trace: ProofTrace, prove: () => Promise<void>): Promise<void> {
  return tracingChannel<unknown, ProofTrace>(channelNames.proof).tracePromise(prove, trace);
}

/** Tells of a request to a device when it has ended. */
export function publishDeviceRequest(device: string, request: RequestRecord): void {
  const requests = channel(channelNames.deviceRequest);
  if (requests.hasSubscribers) requests.publish({ device, ...request });
}
