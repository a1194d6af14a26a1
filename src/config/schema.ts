import { isIP } from 'node:net';
import { z } from 'zod';
import { parseDuration } from './duration.js';
import { parseEndpoint } from './endpoint.js';
import { sha256Fingerprint } from './fingerprint.js';
import { identity } from './identity.js';
import { maintenanceWindow } from './maintenance-window.js';
import { parsedBy } from './parsed-by.js';

const dnsLabel = z
  .string()
  .regex(
    /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/,
    'must be a DNS label: a-z, 0-9 and -, at most 63 characters',
  );

/** Object names are made of service names; a BIG-IP object name may hold these without quoting. */
const serviceName = dnsLabel;

const partition = z
  .string()
  .regex(
    /^[A-Za-z][A-Za-z0-9_.-]{0,62}$/,
    'must be a BIG-IP partition name: letters, digits, ".", "_" and "-", after a letter, at most 63 characters',
  );

const trustDomain = z
  .string()
  .regex(/^[a-z0-9._-]{1,255}$/, 'must be a trust domain: a-z, 0-9, ".", "_" and "-", in lower case');

const url = z.string().transform((text, context) => {
  if (/^https:\/\/[^/?#@]+\/?$/.test(text) && URL.canParse(text)) return new URL(text).origin;
  // What is refused is not repeated: it may hold a password.
  context.addIssue({
    code: 'custom',
    message:
      'must be https://HOST[:PORT], without user, password or path; write the credentials under credentials',
  });
  return z.NEVER;
});

const secretRef = z.strictObject({ namespace: dnsLabel, name: z.string().min(1) });

const credentials = z
  .strictObject({
    secretRef: secretRef.optional(),
    files: z.strictObject({ username: z.string().min(1), password: z.string().min(1) }).optional(),
  })
  .refine((given) => (given.secretRef === undefined) !== (given.files === undefined), {
    message: 'needs exactly one of secretRef and files',
  });

const deviceTls = z
  .strictObject({
    caFile: z.string().min(1).optional(),
    sha256: sha256Fingerprint.optional(),
  })
  .refine((tls) => (tls.caFile === undefined) !== (tls.sha256 === undefined), {
    message: 'needs exactly one of caFile and sha256: the management connection is always verified',
  });

const device = z.strictObject({
  name: serviceName,
  urls: z
    .array(url)
    .min(1, 'names no management address; write one https://HOST[:PORT] for a BIG-IP, two for a pair')
    .max(2, 'names more than two management addresses; write one for a BIG-IP, two for a pair'),
  credentials,
  tls: deviceTls,
  partition: partition.default('mesh').refine((name) => name !== 'Common', {
    message: 'must not be Common: the agent owns its partition as a whole',
  }),
  /** Certificates that are due are renewed while one of these is open; absent: whenever they are due. */
  maintenanceWindows: z.array(maintenanceWindow).min(1).optional(),
});

const portFault = 'must be a port: a whole number from 1 to 65535, without quotes';

const service = z.strictObject({
  name: serviceName,
  device: z.string(),
  identity: z.strictObject({ namespace: dnsLabel, serviceAccount: z.string().min(1).max(253) }),
  host: z
    .string()
    .regex(
      /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$/,
      'is no DNS name; write it like bigip.default.svc.cluster.local',
    ),
  listen: z.strictObject({
    address: z.string().refine((text) => isIP(text) !== 0, {
      message: 'is no IP address; write it like 198.51.100.20 or 2001:db8::20',
    }),
    port: z.int(portFault).min(1, portFault).max(65_535, portFault),
  }),
  backends: z.array(parsedBy(parseEndpoint)).min(1, 'names no backend; write at least one ADDRESS:PORT'),
  protocol: z.literal('tcp').default('tcp'),
  allowlist: z.strictObject({
    selector: z.strictObject({
      matchLabels: z.record(z.string(), z.string()).refine((labels) => Object.keys(labels).length > 0, {
        message: 'must name a label: without one, every ConfigMap of the namespace would be an allowlist',
      }),
    }),
    /** AuthorizationPolicies that are for the service count as well (docs/reference/authorization-policies.md). */
    fromAuthorizationPolicies: z.boolean().default(false),
  }),
  registration: z
    .enum(['workload-entry', 'service-entry', 'endpoint-slice', 'none'])
    .default('workload-entry'),
  /** Live connections of a caller who lost his permission end within this time; absent: they go on. */
  recheck: parsedBy(parseDuration)
    .refine((ms) => ms >= 1000 && ms <= 86_400_000, { message: 'must be from 1s to 24h' })
    .optional(),
  /** What the proof says to the backend through the device, and what it must hear. */
  probe: z.strictObject({ send: z.string(), expect: z.string().min(1) }).optional(),
});

/**
 * The config file, version 1 (docs/reference/config.md).
 *
 * Objects are strict: an unknown key is an error, because a misspelt one that is ignored is an outage later.
 */
export const agentConfigSchema = z.strictObject({
  apiVersion: z.literal('bigip-mesh.io/v1', {
    error: 'must be bigip-mesh.io/v1: this program reads no other version',
  }),
  kind: z.literal('AgentConfig', { error: 'must be AgentConfig' }),
  mesh: z
    .strictObject({
      /** Absent: read from the mesh's own ConfigMap. */
      trustDomain: trustDomain.optional(),
      trustDomainAliases: z.array(trustDomain).default([]),
      rootNamespace: dnsLabel.default('istio-system'),
    })
    .prefault({}),
  identity: identity.prefault({}),
  devices: z.array(device).min(1, 'names no device; write at least one BIG-IP below it'),
  services: z.array(service).min(1, 'names no service; write at least one mesh service below it'),
});

export type AgentConfig = z.output<typeof agentConfigSchema>;
export type DeviceConfig = AgentConfig['devices'][number];
export type ServiceConfig = AgentConfig['services'][number];
