import { issueKubeApiTls } from '../support/kube-api-tls.js';
import { startFleet } from './fleet.js';
import type { FleetOptions } from './fleet.js';

/** Where the fleet is, said once it stands. */
export interface FleetPlace {
  readonly configFile: string;
  readonly kubeconfigFile: string;
}

/** What one device was asked since its requests were last forgotten. */
export interface DeviceRequests {
  readonly logins: number;
  readonly gets: number;
  /** Everything else. */
  readonly writes: number;
  readonly bytes: number;
}

/*
 * A fleet in a process of its own, so that what is measured of the controller is the controller's alone. The parent
 * gives the options as the only argument; each message of its is answered by what the devices were asked since the
 * last one.
 */
const options = JSON.parse(process.argv[2] ?? '') as FleetOptions;
const fleet = await startFleet({ ...options, kubeApiTls: await issueKubeApiTls() });
process.on('message', () => {
  const requests = fleet.bigIps.map((bigIp): DeviceRequests => {
    const logins = bigIp.requests.filter(({ path }) => path.endsWith('/authn/login'));
    const gets = bigIp.requests.filter(({ method }) => method === 'GET');
    const bytes = bigIp.requests.reduce((sum, { bytesIn }) => sum + bytesIn, 0);
    const writes = bigIp.requests.length - logins.length - gets.length;
    bigIp.forgetRequests();
    return { logins: logins.length, gets: gets.length, writes, bytes };
  });
  process.send?.(requests);
});
process.once('disconnect', () => void fleet.close());
const { configFile, kubeconfigFile } = fleet;
process.send?.({ configFile, kubeconfigFile } satisfies FleetPlace);
