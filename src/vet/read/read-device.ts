import type { Clock } from '../../clock.js';
import type { DeviceConfig } from '../../config/schema.js';
import { AgentError } from '../../errors.js';
import { IControlClient } from '../../icontrol/client.js';
import { parseLoginToken } from '../../icontrol/login-token.js';
import type { Credentials } from '../../icontrol/session.js';
import type { JsonObject } from '../../icontrol/request.js';
import { collectionPath, parseFullPath, resourcePath } from '../../icontrol/resource-path.js';
import { tokensPath } from '../../icontrol/stale-tokens.js';
import { parseSingleStats } from '../../icontrol/stats.js';
import { parseGroupSync } from '../../icontrol/sync-status.js';
import type { DeviceTrust } from '../../icontrol/trust.js';
import type { Logger } from '../../log.js';
import { absent, known, unknown, valueOf } from '../datum.js';
import type { Datum, Gap } from '../datum.js';
import type { DeviceFacts, DeviceUser, Members, SyncFacts } from '../facts.js';
import { records, textAt } from '../fields.js';
import { rulesOf } from '../virtual-server.js';
import { toDatum } from './to-datum.js';

interface ReadDevicePorts {
  readonly tls: () => Promise<DeviceTrust>;
  readonly credentials: () => Promise<Credentials>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Tells our login tokens from others' of the same user. */
  readonly holder: string;
}

/** Of one HTTP exchange; a device that is there answers reads in far less. */
const timeoutMs = 20_000;

/** Everything of a device as not known, for one reason. */
export function unknownDevice(gap: Gap): DeviceFacts {
  const lost = unknown(gap);
  return {
    version: lost,
    notReady: lost,
    user: lost,
    tokens: lost,
    clockAheadMs: lost,
    sync: lost,
    failover: lost,
    virtuals: lost,
    clientSslProfiles: lost,
    dataGroups: lost,
    certificates: lost,
    rules: new Map(),
  };
}

/**
 * Reads what checks need of a device. Nothing but a login token of its own is made there, and that is deleted.
 *
 * Of a pair the active unit is read.
 */
export async function readDevice(config: DeviceConfig, ports: ReadDevicePorts): Promise<DeviceFacts> {
  const { clock, logger, signal, holder } = ports;
  let tls: DeviceTrust;
  let credentials: Credentials;
  try {
    tls = await ports.tls();
    // Read once: an account is not locked by one wrong password that is tried for each unit and call.
    credentials = await ports.credentials();
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    const isRefused = error.code === 'MESH_ERR_KUBE_FORBIDDEN';
    const { secretRef } = config.credentials;
    const needs = `get secrets ${secretRef?.name ?? ''} in namespace ${secretRef?.namespace ?? ''}`;
    return unknownDevice({ reason: error.message, ...(isRefused ? { needs } : {}) });
  }
  const units = config.urls.map(
    (url) =>
      new IControlClient({
        url,
        credentials: () => Promise.resolve(credentials),
        tls,
        clock,
        logger,
        signal,
        holder,
        timeoutMs,
      }),
  );
  try {
    const states: Array<{ readonly unit: IControlClient; readonly state: Datum<string> }> = [];
    for (const unit of units) states.push({ unit, state: await readFailover(unit) });
    const read =
      states.find(({ state }) => valueOf(state) === 'ACTIVE') ??
      states.find(({ state }) => state.state === 'known');
    if (read === undefined) {
      const [first] = states;
      return unknownDevice(
        first?.state.state === 'unknown' ? first.state.gap : { reason: 'no unit answers' },
      );
    }
    return {
      ...(await readUnit(read.unit, config, credentials.username, ports)),
      failover: known(states.map(({ state }) => (state.state === 'known' ? state.value : 'does not answer'))),
    };
  } finally {
    await Promise.all(units.map((unit) => unit.close()));
  }
}

function readFailover(unit: IControlClient): Promise<Datum<string>> {
  const path = '/mgmt/tm/cm/failover-status';
  return toDatum('a role that may read cm failover-status', async () => {
    // Once and no more: whoever waits at a terminal sees at once that a device is not there.
    const { json } = await unit.request({ method: 'GET', path, repeatable: false });
    return String(parseSingleStats(json).values.get('status') ?? 'unknown');
  });
}

async function readUnit(
  unit: IControlClient,
  { partition }: DeviceConfig,
  userName: string,
  { clock }: ReadDevicePorts,
): Promise<Omit<DeviceFacts, 'failover'>> {
  const list = (kind: string, expandSubcollections = false): Promise<Datum<readonly Members[]>> =>
    toDatum(`a role that may read ${kind} in partition ${partition}`, () =>
      unit.resources.list(collectionPath(kind), { partition, expandSubcollections }),
    );
  const version = await toDatum(
    'a role that may read sys version',
    async () => (await unit.system.observeVersion()).version,
  );
  const notReady = await toDatum('a role that may read sys ready', () => unit.readiness.observe());
  const virtuals = await list('ltm/virtual', true);
  return {
    version,
    notReady,
    user: await readUser(unit, userName),
    ...(await readTokens(unit, userName, clock)),
    sync: await readSync(unit),
    virtuals,
    clientSslProfiles: await list('ltm/profile/client-ssl'),
    dataGroups: await list('ltm/data-group/internal'),
    certificates: await list('sys/file/ssl-cert', true),
    rules: await readRules(unit, valueOf(virtuals) ?? []),
  };
}

/** Of the failover group alone: other groups show changes of their own (see `parseGroupSync`). */
function readSync(unit: IControlClient): Promise<Datum<SyncFacts>> {
  return toDatum('a role that may read cm sync-status and cm device-group', async () => {
    const { json } = await unit.request({ method: 'GET', path: '/mgmt/tm/cm/sync-status' });
    const { values } = parseSingleStats(json);
    const mode = String(values.get('mode') ?? '');
    const summary = String(values.get('summary') ?? '');
    const groups = await unit.resources.list(collectionPath('cm/device-group'));
    const [group, ...more] = groups.filter(({ type }) => type === 'sync-failover');
    if (group === undefined || more.length > 0) {
      return { status: String(values.get('status') ?? ''), mode, summary };
    }
    const { status, conflict } = parseGroupSync(json, String(group['name']));
    return { status: conflict ? `${status}, with changes on both units` : status, mode, summary };
  });
}

/** Without `$select` the answer would hold the password's hash. */
function readUser(unit: IControlClient, name: string): Promise<Datum<DeviceUser>> {
  return toDatum('a role that may read its own auth user', async () => {
    const path = `${resourcePath('auth/user', { name })}?$select=name,partitionAccess`;
    const user = await unit.resources.get(path);
    if (user === undefined) return undefined;
    const access = records(user['partitionAccess']).map((entry) => ({
      partition: textAt(entry, 'name') ?? '',
      role: textAt(entry, 'role') ?? '',
    }));
    return { name, access };
  });
}

/** The newest token of the user is ours, or younger: its start tells what the device takes the time to be. */
async function readTokens(
  unit: IControlClient,
  userName: string,
  clock: Clock,
): Promise<Pick<DeviceFacts, 'tokens' | 'clockAheadMs'>> {
  const read = await toDatum('a role that may list its own login tokens', async () => {
    const { json } = await unit.request({ method: 'GET', path: tokensPath });
    const items: readonly unknown[] = Array.isArray(json?.['items']) ? json['items'] : [];
    return items.map(parseLoginToken).filter((token) => token !== undefined);
  });
  if (read.state !== 'known') return { tokens: read, clockAheadMs: read };
  const own = read.value.filter((token) => token.userName === userName);
  if (own.length === 0) return { tokens: known({ count: 0 }), clockAheadMs: absent };
  const newestMs = Math.max(...own.map(({ startedAtMs }) => startedAtMs));
  return { tokens: known({ count: own.length }), clockAheadMs: known(newestMs - clock.now().getTime()) };
}

async function readRules(
  unit: IControlClient,
  virtuals: readonly JsonObject[],
): Promise<ReadonlyMap<string, Datum<Members>>> {
  const paths = [...new Set(virtuals.flatMap(rulesOf))];
  const rules = new Map<string, Datum<Members>>();
  for (const path of paths) {
    const id = resourcePath('ltm/rule', parseFullPath(path));
    rules.set(path, await toDatum(`a role that may read the iRule ${path}`, () => unit.resources.get(id)));
  }
  return rules;
}
