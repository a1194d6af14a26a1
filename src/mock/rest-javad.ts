import type { AuthnWorker } from './authn/authn-worker.js';
import { basicCookies } from './authn/authenticator.js';
import type { Authenticator, Caller } from './authn/authenticator.js';
import type { UploadWorker } from './file-transfer/upload-worker.js';
import type { MgmtRequest } from './http/mgmt-request.js';
import { header } from './http/mgmt-request.js';
import { ok } from './http/mgmt-response.js';
import type { MgmtResponse, RestErrors } from './http/mgmt-response.js';
import type { Icrd } from './icrd/icrd.js';
import type { TmosVersion } from './tmos-version.js';

interface RestJavadOptions {
  readonly authenticator: Authenticator;
  readonly authn: AuthnWorker;
  readonly uploads: UploadWorker;
  readonly icrd: Icrd;
  readonly errors: RestErrors;
  readonly device: { readonly tmos: TmosVersion; readonly hostname: string };
}

/** What restjavad is: it knows who calls, answers `/mgmt/shared` itself and hands `/mgmt/tm` on. */
export class RestJavad {
  readonly #options: RestJavadOptions;

  constructor(options: RestJavadOptions) {
    this.#options = options;
  }

  async respond(request: MgmtRequest): Promise<MgmtResponse> {
    const { authenticator, authn } = this.#options;
    if (request.path === '/mgmt/shared/authn/login' && request.method === 'POST') return authn.login(request);
    const authentication = authenticator.authenticate(request);
    if (!authentication.ok) return authentication.response;
    const { caller } = authentication;
    const response = await this.#route(request, caller);
    if (caller.token !== undefined) return response;
    return { ...response, headers: [...basicCookies(caller.user), ...(response.headers ?? [])] };
  }

  async #route(request: MgmtRequest, caller: Caller): Promise<MgmtResponse> {
    const { authn, errors, icrd } = this.#options;
    const { path, method } = request;
    if (path.endsWith('/available') && method === 'GET') return this.#available(request);
    const token = /^\/mgmt\/shared\/authz\/tokens(?:\/([^/]+))?\/?$/.exec(path);
    if (token !== null) return authn.tokens(request, caller, token[1]);
    const upload = /^\/mgmt\/shared\/file-transfer\/uploads\/([^/]+)$/.exec(path);
    if (upload !== null && method === 'POST')
      return this.#upload(request, decodeURIComponent(upload[1] ?? ''));
    if (path === '/mgmt/shared/identified-devices/config/device-info' && method === 'GET') {
      return ok(this.#deviceInfo());
    }
    if (/^\/mgmt\/shared\/echo(?:-query)?$/.test(path) && method === 'GET') {
      return ok({ kind: 'shared:echo:echostate', selfLink: `https://localhost${path}`, stage: 'STARTED' });
    }
    if (/^\/mgmt\/tm(?:\/|$)/.test(path)) return icrd.respond(request, caller);
    return errors.publicUriNotRegistered(request);
  }

  /** Uploads are no part of a transaction, and are refused where one is named. */
  #upload(request: MgmtRequest, name: string): MgmtResponse {
    const { errors, uploads } = this.#options;
    const coordination = header(request, 'x-f5-rest-coordination-id');
    if (coordination === undefined) return uploads.upload(request, name);
    const message = `Transaction ${coordination} operation ${request.path} is not allowed to be added to transaction.`;
    return errors.response(request, 400, message);
  }

  #available(request: MgmtRequest): MgmtResponse {
    const known =
      /^\/mgmt\/(?:tm(?:\/(?:sys|cm|ltm))?|shared\/(?:echo|identified-devices\/config\/device-info))\/available$/;
    return known.test(request.path) ? ok({}) : this.#options.errors.publicUriNotRegistered(request);
  }

  #deviceInfo() {
    const { tmos, hostname } = this.#options.device;
    return {
      kind: 'shared:resolver:device-groups:deviceinfostate',
      selfLink: 'https://localhost/mgmt/shared/identified-devices/config/device-info',
      machineId: '00000000-0000-0000-0000-000000000000',
      hostname,
      version: tmos.version.split('.').slice(0, 3).join('.'),
      build: tmos.build,
      chassisSerialNumber: '00000000-0000-0000-0000-000000000001',
      platformMarketingName: 'BIG-IP Virtual Edition',
      platform: 'Z100',
      baseMac: '00:50:56:00:00:01',
      cpu: 'Intel(R) Xeon(R)',
    };
  }
}
