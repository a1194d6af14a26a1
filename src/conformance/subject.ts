import type { Secret } from '../secret.js';
import type { Answer, DeviceHttp } from './device-http.js';
import type { JsonObject } from './json.js';
import type { Material } from './material.js';

/** The device that is looked at, and what is known of it. */
export interface Subject {
  readonly http: DeviceHttp;
  /** Who logged in, and what the device answered to it; for checks that need a login. */
  readonly session: Session | undefined;
  readonly release: Release;
  /** The suite's own partition, and how the device answered to its creation; for checks that write. */
  readonly partition: string;
  readonly partitionAnswer: Answer | undefined;
  readonly material: Material;
  /**
   * Sends content to the upload folder in one piece; what is sent so is removed at the end.
   *
   * @returns the value for `sourcePath`
   */
  readonly upload: (name: string, content: string | Secret) => Promise<string>;
  /** A name for an upload that a check makes itself; it is removed at the end too. */
  readonly nameUpload: (name: string) => string;
}

export interface Session {
  readonly username: string;
  readonly password: Secret;
  readonly answer: JsonObject;
  /** The token, as the login gave it. */
  readonly token: JsonObject;
}

/** A TMOS release: `16.1.3.3`. */
export interface Release {
  readonly text: string;
  readonly major: number;
  readonly minor: number;
}

export function parseRelease(text: string): Release {
  const [major = 0, minor = 0] = text.split('.').map(Number);
  return { text, major, minor };
}

/** Where a kind's objects are: `/mgmt/tm/ltm/pool`. */
export function collection(kind: string): string {
  return `/mgmt/tm/${kind}`;
}

/** Where one object is; `partition` is part of the address with `~` for each slash. */
export function item(kind: string, partition: string, name: string): string {
  return `/mgmt/tm/${kind}/~${partition}~${name}`;
}
