import { createHash, timingSafeEqual } from 'node:crypto';
import type { Secret } from '../../secret.js';

/** Roles of users that the mock tells apart. */
export type Role = 'admin' | 'manager' | 'guest';

/** A local user of the device. */
export interface MockUser {
  readonly name: string;
  readonly password: Secret;
  /** Default `admin`. */
  readonly role?: Role;
  /** The partition that a manager or guest is bound to; default all. */
  readonly partition?: string;
}

export function passwordMatches(user: MockUser, password: string): boolean {
  return timingSafeEqual(digest(user.password.reveal()), digest(password));
}

function digest(value: string): Buffer {
  return createHash('sha256').update(value).digest();
}
