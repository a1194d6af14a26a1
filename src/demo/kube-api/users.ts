import { createPublicKey, generateKeyPairSync, randomBytes, randomUUID, sign, verify } from 'node:crypto';
import type { JsonWebKey, KeyObject } from 'node:crypto';

import type { Clock } from '../../clock.js';
import { isJsonObject } from './json.js';

export interface User {
  readonly name: string;
  readonly groups: readonly string[];
}

/** The audience of tokens for the API server itself. */
export const apiAudience = 'https://kubernetes.default.svc.cluster.local';

const keyId = 'service-account-signer';

/** Who may come in: one administrator, and service accounts with the tokens that were made for them. */
export class Users {
  readonly adminToken: string;
  readonly #clock: Clock;
  readonly #key: KeyObject;

  constructor(clock: Clock, adminToken: string | undefined) {
    this.#clock = clock;
    this.adminToken = adminToken ?? randomBytes(24).toString('base64url');
    this.#key = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  }

  authenticate(authorization: string | undefined): User | undefined {
    const token = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined) return undefined;
    if (token === this.adminToken) return { name: 'kubernetes-admin', groups: ['system:masters'] };
    return this.review(token, [apiAudience])?.user;
  }

  /** A token as TokenRequest makes it: a JWT, here with ES256. */
  issue(
    account: { readonly namespace: string; readonly name: string; readonly uid: string },
    audiences: readonly string[],
    lifetimeSeconds: number,
  ): { readonly token: string; readonly expiresAt: Date } {
    const issued = Math.floor(this.#clock.now().getTime() / 1000);
    const claims = {
      iss: apiAudience,
      sub: `system:serviceaccount:${account.namespace}:${account.name}`,
      aud: audiences.length === 0 ? [apiAudience] : audiences,
      iat: issued,
      nbf: issued,
      exp: issued + lifetimeSeconds,
      jti: randomUUID(),
      'kubernetes.io': {
        namespace: account.namespace,
        serviceaccount: { name: account.name, uid: account.uid },
      },
    };
    const content = `${encode({ alg: 'ES256', kid: keyId, typ: 'JWT' })}.${encode(claims)}`;
    const signature = sign('sha256', Buffer.from(content), { key: this.#key, dsaEncoding: 'ieee-p1363' });
    return {
      token: `${content}.${signature.toString('base64url')}`,
      expiresAt: new Date((issued + lifetimeSeconds) * 1000),
    };
  }

  /** What TokenReview says: whose token it is, and for which of the asked audiences. */
  review(
    token: string,
    audiences: readonly string[],
  ): { readonly user: User; readonly audiences: readonly string[] } | undefined {
    const [header, payload, signature] = token.split('.');
    if (header === undefined || payload === undefined || signature === undefined) return undefined;
    const valid = verify(
      'sha256',
      Buffer.from(`${header}.${payload}`),
      { key: createPublicKey(this.#key), dsaEncoding: 'ieee-p1363' },
      Buffer.from(signature, 'base64url'),
    );
    if (!valid) return undefined;
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString());
    if (!isJsonObject(claims) || typeof claims['sub'] !== 'string' || !Array.isArray(claims['aud'])) {
      return undefined;
    }
    if (Number(claims['exp']) * 1000 <= this.#clock.now().getTime()) return undefined;
    const own = claims['aud'];
    const shared = audiences.filter((audience) => own.includes(audience));
    if (shared.length === 0) return undefined;
    const [, , namespace = ''] = claims['sub'].split(':');
    const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
    return { user: { name: claims['sub'], groups }, audiences: shared };
  }

  /** The JSON Web Key Set for whoever verifies the tokens alone. */
  keySet(): { readonly keys: readonly JsonWebKey[] } {
    const key = createPublicKey(this.#key).export({ format: 'jwk' });
    return { keys: [{ ...key, kid: keyId, alg: 'ES256', use: 'sig' }] };
  }
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
