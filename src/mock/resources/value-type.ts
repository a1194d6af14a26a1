import type { Configuration } from '../config/configuration.js';
import { isJsonObject, textOf } from '../json.js';
import type { Json } from '../json.js';
import type { TmosVersion } from '../tmos-version.js';

/** What is known while a written value is read. */
export interface WriteContext {
  readonly configuration: Configuration;
  /** The partition of the object being written; relative names are sought there, then in /Common. */
  readonly partition: string;
  readonly tmos: TmosVersion;
}

/** How a member's value is written and spelt. */
export interface ValueType {
  /** @returns the device's spelling of the value, or undefined when the device refuses it. */
  readonly accept: (value: Json, context: WriteContext) => Json | undefined;
  /** The objects that a spelt value names. */
  readonly references?: (value: Json) => readonly Reference[];
  /** The kinds that a value names by itself, where the device adds a `...Reference` with the link. */
  readonly linked?: readonly string[];
}

/** One object that another one names; any of the kinds will do. */
export interface Reference {
  readonly kinds: readonly string[];
  readonly fullPath: string;
}

export const text: ValueType = {
  accept: (value) =>
    typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined,
};

/** A JSON number; decimal strings are read as numbers, as tmsh does. */
export function integer(minimum = 0, maximum = 4_294_967_295): ValueType {
  return {
    accept(value) {
      const number = typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value;
      if (typeof number !== 'number' || !Number.isInteger(number)) return undefined;
      return number >= minimum && number <= maximum ? number : undefined;
    },
  };
}

/** A number that travels as a string because words such as `indefinite` stand beside it. */
export function numberOr(...words: readonly string[]): ValueType {
  return {
    accept(value) {
      const spelling = textOf(value);
      if (typeof value !== 'string' && typeof value !== 'number') return undefined;
      return /^\d+$/.test(spelling) || words.includes(spelling) ? spelling : undefined;
    },
  };
}

/** A JSON number, or a word in its place (`maxAggregateRenegotiationPerMinute`). */
export function integerOr(...words: readonly string[]): ValueType {
  const number = integer();
  return {
    accept: (value, context) =>
      typeof value === 'string' && words.includes(value) ? value : number.accept(value, context),
  };
}

/** One of a set of words. Where the words are booleans, JSON booleans are read too, and come back as words. */
export function oneOf(...words: readonly string[]): ValueType {
  return {
    accept(value) {
      const word = typeof value === 'boolean' ? String(value) : value;
      return typeof word === 'string' && words.includes(word) ? word : undefined;
    },
  };
}

export const enabledDisabled = oneOf('enabled', 'disabled');
export const yesNo = oneOf('yes', 'no');
export const trueFalse = oneOf('true', 'false');

/** One half of a pair of attributes, such as `enabled` and `disabled`: present as JSON `true`, or absent. */
export const flag: ValueType = {
  accept: (value) => (typeof value === 'boolean' ? value : value === null ? false : undefined),
};

/** The full path of another object; a relative name is sought in the object's partition, then in /Common. */
export function reference(...kinds: readonly string[]): ValueType {
  return { ...unlinkedReference(...kinds), linked: kinds };
}

/** A reference that the device shows without a link beside it, as monitors do. */
export function unlinkedReference(...kinds: readonly string[]): ValueType {
  return {
    accept: (value, context) => (typeof value === 'string' ? qualify(value, kinds, context) : undefined),
    references: (value) => (typeof value === 'string' && isSet(value) ? [{ kinds, fullPath: value }] : []),
  };
}

/** Whether a spelt reference names something. */
export function isSet(value: Json | undefined): value is string {
  return typeof value === 'string' && value !== '' && value !== 'none';
}

export function qualify(name: string, kinds: readonly string[], context: WriteContext): string {
  if (name.startsWith('/') || !isSet(name)) return name;
  const local = `/${context.partition}/${name}`;
  const exists = kinds.some((kind) => context.configuration.get(kind, local) !== undefined);
  return exists ? local : `/Common/${name}`;
}

export function listOf(type: ValueType): ValueType {
  const { references } = type;
  return {
    ...(type.linked === undefined ? {} : { linked: type.linked }),
    // Left out where nothing is named, so that nobody walks through tens of thousands of records in vain.
    ...(references === undefined
      ? {}
      : {
          references: (value) =>
            Array.isArray(value) ? value.flatMap((item: Json) => references(item)) : [],
        }),
    accept(value, context) {
      if (!Array.isArray(value)) return undefined;
      const items: Json[] = [];
      for (const item of value) {
        const accepted = type.accept(item as Json, context);
        if (accepted === undefined) return undefined;
        items.push(accepted);
      }
      return items;
    },
  };
}

/** An object of named values; unset ones take their default, and names that are not known are refused. */
export function record(
  fields: Readonly<Record<string, { readonly type: ValueType; readonly default?: Json }>>,
): ValueType {
  const names = Object.values(fields).some(({ type }) => type.references !== undefined);
  return {
    ...(names
      ? {
          references: (value) =>
            Object.entries(isJsonObject(value) ? value : {}).flatMap(
              ([name, field]) => fields[name]?.type.references?.(field) ?? [],
            ),
        }
      : {}),
    accept(value, context) {
      if (!isJsonObject(value)) return undefined;
      if (Object.keys(value).some((name) => fields[name] === undefined)) return undefined;
      const accepted: Record<string, Json> = {};
      for (const [name, field] of Object.entries(fields)) {
        const written = value[name];
        const spelt = written === undefined ? field.default : field.type.accept(written, context);
        if (spelt !== undefined) accepted[name] = spelt;
        else if (written !== undefined) return undefined;
      }
      return accepted;
    },
  };
}

/** `metadata`: named values that an operator hangs on an object. */
export const metadata: ValueType = listOf(
  record({
    name: { type: text },
    persist: { type: trueFalse, default: 'true' },
    value: { type: text },
  }),
);
