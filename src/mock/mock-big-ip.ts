import { X509Certificate } from 'node:crypto';
import type { Clock } from '../clock.js';
import type { Logger } from '../log.js';
import { AuthnWorker } from './authn/authn-worker.js';
import { Authenticator } from './authn/authenticator.js';
import { TokenStore } from './authn/token-store.js';
import type { MockUser } from './authn/user.js';
import { defaultSubject, localhostSubject, mintSelfSigned } from './certificate/self-signed.js';
import type { ManagementCertificate } from './certificate/self-signed.js';
import { factoryConfiguration } from './config/built-in.js';
import { RunningConfiguration } from './config/running-configuration.js';
import type { DataPlane } from './data-plane/configuration.js';
import { DownloadsFolder } from './file-transfer/downloads-folder.js';
import { UploadWorker } from './file-transfer/upload-worker.js';
import { ManagementServer } from './http/management-server.js';
import type { MgmtRequest } from './http/mgmt-request.js';
import { RestErrors } from './http/mgmt-response.js';
import type { MgmtResponse } from './http/mgmt-response.js';
import { Commands } from './icrd/commands.js';
import { Icrd } from './icrd/icrd.js';
import type { RecordedRequest } from './request-history.js';
import { ResourceTable } from './resources/resource-table.js';
import { RestJavad } from './rest-javad.js';
import { StatusResources } from './status/status-resources.js';
import { tmosVersion } from './tmos-version.js';
import type { TmosBranch } from './tmos-version.js';

export interface MockBigIpOptions {
  readonly listen: { readonly host: string; readonly port: number };
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
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onRequest?: (request: RecordedRequest) => void;
}

/** A BIG-IP on a port of this machine. */
export interface MockBigIp {
  /** `https://127.0.0.1:34567` */
  readonly url: string;
  /** Of the management port. */
  readonly certificatePem: string;
  /** `76:B5:...`, as node:tls spells it. */
  readonly fingerprint256: string;
  /** Every request that was answered, oldest first. */
  readonly requests: readonly RecordedRequest[];
  close(): Promise<void>;
}

/**
 * Starts a mock BIG-IP: the management plane of a device, strict where devices are, and, over the data plane,
 * its traffic.
 *
 * @throws AgentError MESH_ERR_MOCK_LISTEN when the address cannot be had.
 */
export async function startMockBigIp(options: MockBigIpOptions): Promise<MockBigIp> {
  const { clock, logger, dataPlane } = options;
  const now = () => clock.now();
  const tmos = tmosVersion(options.tmosVersion ?? '17.1');
  const hostname = options.hostname ?? 'bigip.example.com';
  const [certificate, defaultPair] = await Promise.all([
    options.managementCertificate ?? mintSelfSigned(localhostSubject, now()),
    options.defaultCertificate ?? mintSelfSigned(defaultSubject, now()),
  ]);
  const table = new ResourceTable();
  const initial = factoryConfiguration({
    tmos,
    hostname,
    managementAddress: options.listen.host,
    now: now(),
    defaultPair,
  });
  const running = new RunningConfiguration({
    initial,
    table,
    tmos,
    ...(dataPlane === undefined ? {} : { dataPlane }),
  });
  const errors = new RestErrors();
  const downloads = new DownloadsFolder();
  const tokens = new TokenStore(now);
  const authenticator = new Authenticator({
    users: options.users,
    tokens,
    errors,
    allowsBasic: () => running.current.get('sys/db', 'httpd.basic_auth')?.own['value'] !== 'disable',
  });
  const commands = new Commands({ downloads, save: async () => {} });
  const status = new StatusResources({ tmos, hostname });
  const restJavad = new RestJavad({
    authenticator,
    authn: new AuthnWorker(tokens, authenticator, errors),
    uploads: new UploadWorker(downloads, errors, now),
    icrd: new Icrd({ running, table, tmos, downloads, errors, now, commands, status }),
    errors,
    device: { tmos, hostname },
  });
  await dataPlane?.start();
  const requests: RecordedRequest[] = [];
  const respond = async (request: MgmtRequest): Promise<MgmtResponse | undefined> => {
    const response = await restJavad.respond(request).catch((error: unknown) => {
      // Nothing that a client sends should lead here; what does is a fault of the mock or of its data plane.
      logger.error({ reason: error instanceof Error ? error.message : 'unknown' }, 'the mock BIG-IP failed');
      return errors.response(request, 500, 'The mock BIG-IP failed; its log says why.');
    });
    const query = request.query.toString();
    const recorded: RecordedRequest = {
      method: request.method,
      path: query === '' ? request.path : `${request.path}?${query}`,
      status: response.status,
      bytesIn: request.body.length,
    };
    requests.push(recorded);
    logger.debug(recorded, 'request');
    options.onRequest?.(recorded);
    return response;
  };
  const server = await ManagementServer.start({ listen: options.listen, certificate, tmos, now, respond });
  return {
    url: server.url,
    certificatePem: certificate.pem,
    fingerprint256: new X509Certificate(certificate.pem).fingerprint256,
    requests,
    close: async () => {
      await server.close();
      await dataPlane?.close();
    },
  };
}
