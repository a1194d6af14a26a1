import { z } from 'zod';
import { parseDuration } from './duration.js';
import { sha256Fingerprint } from './fingerprint.js';
import { parsedBy } from './parsed-by.js';

const file = z.string().min(1);

/** A name or path that may speak of the service's identity, so that one entry serves several services. */
const template = file.refine((text) => !/[{}]/.test(text.replaceAll(/\{(namespace|serviceAccount)\}/g, '')), {
  message: 'may have {namespace} and {serviceAccount} in it, and no other braces',
});

const address = z
  .string()
  .regex(
    /^(\[[0-9A-Fa-f:.]+\]|[^:/\s]+):\d{1,5}$/,
    'must be HOST:PORT, such as istiod.istio-system.svc:15012',
  );

/** The mesh CA; istio-csr speaks the same protocol at another address. */
export const istiodSection = z.strictObject({
  address: address.default('istiod.istio-system.svc:15012'),
  /** The DNS name of the CA's certificate, wherever the address leads. */
  serverName: z.string().min(1).default('istiod.istio-system.svc'),
  audience: z.string().min(1).default('istio-ca'),
  clusterId: z.string().min(1).optional(),
  certSigner: z.string().default(''),
  /** Of a projected service account token; absent: the agent asks the API server for a token. */
  tokenFile: file.optional(),
});

/** A Secret in the namespace of the service's identity. */
export const secretSection = z.strictObject({ name: template.default('istio.{serviceAccount}') });

const filesSection = z.strictObject({
  /** PEM: the leaf, then its intermediates. */
  certificate: template,
  key: template,
  /** PEM: the roots; absent: those that the mesh publishes. */
  bundle: file.optional(),
});

const workloadApiSection = z.strictObject({
  address: z.string().regex(/^unix:\/\/\/.+$/, 'must be unix:///PATH of the socket'),
});

const rootRotation = z.strictObject({
  /** The longest lifetime of a workload's certificate; absent: 24h, or `ttl` where that is longer. */
  quietPeriod: parsedBy(parseDuration).optional(),
  /** SHA-256 fingerprints of roots that go at once and do not come back, whoever names or needs them. */
  remove: z.array(sha256Fingerprint.transform((text) => text.replaceAll(':', '').toLowerCase())).default([]),
});

const renewAtFault = 'must be a share of the lifetime: a number between 0 and 1, such as 0.5';

const sections = {
  istiod: 'istiod',
  secret: 'secret',
  files: 'files',
  'workload-api': 'workloadApi',
  'ca-secret': undefined,
} as const;

/** Where certificates come from; a section belongs to the source of its name and is refused beside another. */
export const identity = z
  .strictObject({
    source: z.enum(['istiod', 'ca-secret', 'secret', 'files', 'workload-api']).default('istiod'),
    keyType: z.enum(['ec-p256', 'ec-p384', 'rsa-2048', 'rsa-3072', 'rsa-4096']).default('ec-p256'),
    ttl: parsedBy(parseDuration).prefault('24h'),
    renewAt: z.number(renewAtFault).gt(0, renewAtFault).lt(1, renewAtFault).default(0.5),
    /** PEM files with roots that the device accepts besides those of the mesh. */
    extraRoots: z.array(file).min(1).optional(),
    rootRotation: rootRotation.prefault({}),
    /** For an encrypted private key or a PKCS#12 file. */
    passphraseFile: file.optional(),
    istiod: istiodSection.optional(),
    secret: secretSection.optional(),
    files: filesSection.optional(),
    workloadApi: workloadApiSection.optional(),
  })
  .superRefine((given, context) => {
    const own = sections[given.source];
    for (const section of ['istiod', 'secret', 'files', 'workloadApi'] as const) {
      if (given[section] === undefined || section === own) continue;
      context.addIssue({
        code: 'custom',
        path: [section],
        message: `does nothing with source ${given.source}: take it out, or change the source`,
      });
    }
    for (const section of ['files', 'workloadApi'] as const) {
      if (own !== section || given[section] !== undefined) continue;
      context.addIssue({
        code: 'custom',
        path: [section],
        message: `is missing; source ${given.source} needs it: write a mapping with the key${section === 'files' ? 's certificate and key' : ' address'}`,
      });
    }
    if (given.passphraseFile !== undefined && !['ca-secret', 'secret', 'files'].includes(given.source)) {
      context.addIssue({
        code: 'custom',
        path: ['passphraseFile'],
        message: `does nothing with source ${given.source}, which reads no private key: take it out`,
      });
    }
  });
