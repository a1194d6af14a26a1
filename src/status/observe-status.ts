import type { Agent } from '../agent.js';
import { renderEndpoint } from '../config/endpoint.js';
import type { DeviceConfig, ServiceConfig } from '../config/schema.js';
import { AgentError } from '../errors.js';
import { pairOwner } from '../reconcile/names.js';
import { serviceOf } from '../reconcile/ownership.js';
import { blockedBy } from '../reconcile/apply-plan.js';
import { objectKey } from '../reconcile/device-object.js';
import type { Change } from '../reconcile/plan.js';
import { blockedServices } from '../reconcile/plan-services.js';
import type { ServiceCounters } from '../reconcile/read-counters.js';
import type { ReconcileReport } from '../reconcile/run-once.js';
import { readControllerStatus } from './controller-status.js';
import type { ControllerStatus } from './controller-status.js';
import { observeServed } from './observe-served.js';
import type { Calls, ServiceStatus, Trouble } from './status.js';

interface StatusOptions {
  /** Where the controller keeps its status. */
  readonly namespace: string;
  readonly signal: AbortSignal;
}

/**
 * How the services of a device are doing: what the wire shows, what the device holds, what the controller says. Nothing
 * is written anywhere. What cannot be read becomes a trouble of the services that it concerns.
 */
export async function observeStatus(
  agent: Agent,
  device: DeviceConfig,
  services: readonly ServiceConfig[],
  { namespace, signal }: StatusOptions,
): Promise<ServiceStatus[]> {
  const troubles: Trouble[] = [];
  const serviceTroubles = new Map<string, Trouble[]>();
  const orTrouble = async <T>(read: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await read();
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof AgentError)) throw error;
      troubles.push(asTrouble(error));
      return undefined;
    }
  };
  const report = await orTrouble(() =>
    agent.reconcile(device, {
      mode: 'plan',
      onServiceFailure: (service, error) => {
        serviceTroubles.set(service, [...(serviceTroubles.get(service) ?? []), asTrouble(error)]);
      },
      signal,
    }),
  );
  const counters = report === undefined ? undefined : await orTrouble(() => agent.counters(device));
  const said = await orTrouble(() => readControllerStatus(agent.kube, namespace, signal));
  return Promise.all(
    services.map(async (service) => {
      const { name } = service;
      const fromController = said?.get(device.name);
      const counted = counters?.get(name);
      const rejectedLastHour = fromController?.services[name]?.calls?.rejectedLastHour;
      return {
        service: name,
        device: device.name,
        host: service.host,
        listen: renderEndpoint(service.listen),
        ...(await observeServed(service)),
        ...desiredPart(report, name),
        ...proofPart(fromController, name),
        ...(counted === undefined
          ? {}
          : {
              calls: { ...callsOf(counted), ...(rejectedLastHour === undefined ? {} : { rejectedLastHour }) },
            }),
        troubles: [
          ...troubles,
          ...(serviceTroubles.get(name) ?? []),
          ...blockerTroubles(report, device, name),
          ...controllerTroubles(fromController, name),
        ],
      };
    }),
  );
}

function callsOf({ allowed, rejected, wouldReject }: ServiceCounters): Calls {
  return { allowed, rejected, wouldReject };
}

function desiredPart(
  report: ReconcileReport | undefined,
  name: string,
): Pick<ServiceStatus, 'identity' | 'allowlist' | 'drift'> {
  const desired = report?.desire.services.find(({ config }) => config.name === name);
  if (report === undefined || desired === undefined) return {};
  const { allow, deny, mode } = desired.allowlist;
  return {
    identity: desired.spiffeId.text,
    allowlist: { allow: allow.length, deny: deny.length, mode },
    drift: report.plan.changes.filter((change) => concerns(change, name)).map(describeChange),
  };
}

/** Objects that belong to another service are not this one's drift; what all share is everybody's. */
function concerns({ object }: Change, service: string): boolean {
  const owner = 'members' in object ? serviceOf(object) : pairOwner(object.name);
  return owner === undefined || owner === service;
}

/** What stands in the way of `apply`: an object of this service's, or one that all share. */
function blockerTroubles(
  report: ReconcileReport | undefined,
  { name: device, partition }: DeviceConfig,
  service: string,
): Trouble[] {
  if (report === undefined) return [];
  const { desire, plan } = report;
  const blocked = blockedServices(desire, plan);
  const ofOthers = new Set(
    [...blocked].filter(([name]) => name !== service).map(([, one]) => objectKey(one)),
  );
  return plan.blockers
    .filter((blocker) => !ofOthers.has(objectKey(blocker)))
    .map((blocker) => asTrouble(blockedBy(blocker, partition, device)));
}

function describeChange(change: Change): string {
  const members = change.action === 'modify' ? `: ${change.members.join(', ')}` : '';
  return `${change.action} ${change.object.kind} ${change.object.name}${members}`;
}

function proofPart(said: ControllerStatus | undefined, name: string): Pick<ServiceStatus, 'provenAt'> {
  const provenAt = said?.services[name]?.provenAt;
  return provenAt === undefined ? {} : { provenAt };
}

function controllerTroubles(said: ControllerStatus | undefined, name: string): Trouble[] {
  return [said?.error, said?.services[name]?.error].filter((trouble) => trouble !== undefined);
}

function asTrouble({ code, message, nextStep }: AgentError): Trouble {
  return { code, message, nextStep };
}
