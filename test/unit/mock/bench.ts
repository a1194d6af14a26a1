import { systemClock } from '../../../src/clock.js';
import { silentLogger } from '../../../src/log.js';
import {
  defaultSubject,
  localhostSubject,
  mintSelfSigned,
} from '../../../src/mock/certificate/self-signed.js';
import type { ManagementCertificate } from '../../../src/mock/certificate/self-signed.js';
import { startMockBigIp } from '../../../src/mock/mock-big-ip.js';
import type { MockBigIp, MockBigIpOptions } from '../../../src/mock/mock-big-ip.js';
import { generateKeyPair } from '../../../src/pki/key-pair.js';
import { issueCertificate } from '../../../src/pki/issue-certificate.js';
import { Secret } from '../../../src/secret.js';
import type { Json } from '../../../src/mock/json.js';
import { ManagementClient } from './management-client.js';

/** A mock with a client that is logged in as `admin`. */
export interface Bench {
  readonly device: MockBigIp;
  readonly client: ManagementClient;
  close(): Promise<void>;
}

let certificates: Promise<[ManagementCertificate, ManagementCertificate]> | undefined;

export async function startBench(options: Partial<MockBigIpOptions> = {}): Promise<Bench> {
  // One set of certificates for all suites: making it takes longer than most tests.
  certificates ??= Promise.all([
    mintSelfSigned(localhostSubject, new Date()),
    mintSelfSigned(defaultSubject, new Date()),
  ]);
  const [managementCertificate, defaultCertificate] = await certificates;
  const device = await startMockBigIp({
    listen: { host: '127.0.0.1', port: 0 },
    users: [
      { name: 'admin', password: new Secret('admin-password') },
      { name: 'agent', password: new Secret('agent-password') },
    ],
    managementCertificate,
    defaultCertificate,
    clock: systemClock,
    logger: silentLogger(),
    ...options,
  });
  const client = new ManagementClient(device);
  await client.login();
  return {
    device,
    client,
    close: async () => {
      client.close();
      await device.close();
    },
  };
}

/** A certificate of its own, with its key, PEM. */
export interface Pair {
  readonly certificatePem: string;
  readonly keyPem: string;
}

/** An EC certificate signed by itself; `uris` become subject alternative names. */
export async function mintPair(commonName: string, ...uris: readonly string[]): Promise<Pair> {
  const { publicKey, privateKey } = await generateKeyPair('ec-p256');
  const now = Date.now();
  const names = uris.map((value) => ({ type: 'uri' as const, value }));
  const issued = issueCertificate(
    {
      subject: [{ type: 'commonName', value: commonName }],
      publicKey,
      notBefore: new Date(now - 60_000),
      notAfter: new Date(now + 3_600_000),
      ...(names.length === 0 ? {} : { subjectAltNames: { isCritical: false, names } }),
    },
    { privateKey },
  );
  return {
    certificatePem: issued.toString(),
    keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** Uploads a file and creates, or with `replace` refills, a file object from it. */
export async function installFile(
  client: ManagementClient,
  kind: string,
  name: string,
  content: string,
  more: Readonly<Record<string, Json>> = {},
) {
  await client.upload(name, content);
  return client.post(`/mgmt/tm/sys/file/${kind}`, {
    name,
    partition: 'Common',
    sourcePath: `file:/var/config/rest/downloads/${name}`,
    ...more,
  });
}
