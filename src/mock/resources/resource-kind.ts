import type { ConfigObject, Configuration } from '../config/configuration.js';
import type { Refusal } from '../config/refusal.js';
import type { Json, JsonObject } from '../json.js';
import type { MockUser } from '../authn/user.js';
import type { Secret } from '../../secret.js';
import type { TmosVersion } from '../tmos-version.js';
import type { ValueType, WriteContext } from './value-type.js';

/** One member of a resource. A kind lists its members in the order in which the device renders them. */
export interface Member {
  /** The JSON name: `loadBalancingMode`, `tmOptions`. */
  readonly name: string;
  /** The tmsh name, which bodies may use too and which refusals quote: `load-balancing-mode`, `options`. */
  readonly tmshName: string;
  readonly type: ValueType;
  /** What an object shows that neither set nor inherited the member; absent: it does not show. */
  readonly default?: Json;
  /** `create`: refused on a later write. `read`: written values are ignored. Default `write`. */
  readonly access?: 'write' | 'create' | 'read';
  /** First TMOS branch that has the member. */
  readonly since?: string;
  /** First TMOS branch that no longer has it. */
  readonly until?: string;
  /** Computes the shown value from the object and its surroundings; wins over what is stored. */
  readonly derive?: (object: ConfigObject, view: View) => Json | undefined;
  /** Spells the value for one TMOS release. */
  readonly spell?: (value: Json, tmos: TmosVersion) => Json;
  /** Writing this member unsets the other of the pair. */
  readonly excludes?: string;
}

/** What monitors found out about a node or pool member. */
export interface HealthReport {
  readonly state: 'up' | 'down' | 'checking' | 'unchecked';
  /** Why it is down, a line of each monitor that says so; else empty. */
  readonly reason: string;
}

/** Tells of a node or pool member; undefined when nobody looks after it. */
export type Health = (object: ConfigObject) => HealthReport | undefined;

/** What a member is computed from. */
export interface View {
  readonly configuration: Configuration;
  readonly tmos: TmosVersion;
  /** Absent: nobody monitors anything. */
  readonly health?: Health;
  /** The value that counts: set, inherited or default. */
  effective(object: ConfigObject, member: string): Json | undefined;
}

/** What a change may look at besides the configuration. */
export interface ChangeContext {
  readonly tmos: TmosVersion;
  readonly now: Date;
  /** Who asks. */
  readonly user: MockUser;
  /** The content of a file in the device's file system; undefined: curl cannot read it. */
  readonly readFile: (path: string) => Secret<Buffer> | undefined;
}

/** A write that the kind itself has to understand. */
export interface Draft {
  readonly object: ConfigObject;
  readonly before: ConfigObject | undefined;
  /** A PUT: what is not written goes back to its default. */
  readonly replaces: boolean;
  readonly configuration: Configuration;
  /** The members as they were written, by JSON name, before they were spelt. */
  readonly written: JsonObject;
  readonly context: ChangeContext;
}

type Naming = 'partitioned' | 'bare' | 'folder';
export type Operation = 'create' | 'modify' | 'delete';

export interface Subcollection {
  /** The path segment and body member: `members`, `profiles`. */
  readonly name: string;
  /** Absent: the device computes the items. */
  readonly kind?: ResourceKind;
  readonly items?: (object: ConfigObject, view: View) => readonly JsonObject[];
  readonly since?: string;
}

/** One kind of resource: what it is called, what its members are, and what it does when written. */
export interface ResourceKind {
  /** Below `/mgmt/tm`: `ltm/pool`, `ltm/pool/members`. */
  readonly path: string;
  /** The name in `The requested X (...) was not found.` */
  readonly title: string;
  readonly naming: Naming;
  readonly members: readonly Member[];
  readonly operations: readonly Operation[];
  /** Unset members come from the object that `defaultsFrom` names, by default this one of /Common. */
  readonly base?: string;
  readonly subcollections?: readonly Subcollection[];
  /** The name in access refusals, 01070822: `pool_member`. */
  readonly mcpdName?: string;
  /** Names an object of a subcollection; default: the written name in the parent's partition. */
  readonly nameChild?: (written: JsonObject, parent: ConfigObject, context: WriteContext) => string;
  /** What is said to a second object of one name, where it is not that it "already exists". */
  readonly duplicate?: (existing: ConfigObject, written: JsonObject) => Refusal;
  /** Completes a written object: computes what the device computes, refuses what it refuses. */
  readonly settle?: (draft: Draft) => ConfigObject;
  /** What else comes into being, or goes, when an object of this kind is written or removed. */
  readonly follow?: (
    configuration: Configuration,
    change: {
      readonly before: ConfigObject | undefined;
      readonly after: ConfigObject | undefined;
      readonly context: ChangeContext;
    },
  ) => Configuration;
}

type MemberOptions = Omit<Partial<Member>, 'name' | 'type'>;

/** A member whose tmsh name is its JSON name with hyphens, unless the options say otherwise. */
export function member(name: string, type: ValueType, options: MemberOptions = {}): Member {
  return { name, tmshName: kebab(name), type, ...options };
}

/** A member that shows a fixed default until it is written. */
export function defaulted(name: string, type: ValueType, value: Json, options: MemberOptions = {}): Member {
  return member(name, type, { default: value, ...options });
}

/** A member that only the device writes. */
export function readOnly(name: string, type: ValueType, options: MemberOptions = {}): Member {
  return member(name, type, { access: 'read', ...options });
}

function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`);
}
