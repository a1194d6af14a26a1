import type { z } from 'zod';
import { isRequired, knownKeys } from './known-keys.js';
import { nearest } from './nearest.js';

/** A value that the schema refuses, before it has a message. */
type RefusedValue = Parameters<z.core.$ZodErrorMap>[0];

const page = 'docs/reference/config.md';

/** How a type is called to those who write YAML. */
const typeNames: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  int: 'a whole number',
  number: 'a number',
  object: 'a mapping',
  record: 'a mapping',
  string: 'text',
};

/**
 * What is wrong with a value and what to write instead, to stand behind the value's path. Given to zod as the error
 * map of a parse; a message of the schema itself goes before it.
 *
 * Values stand in it only where they were to be one of a few words: a password at the wrong place is not repeated.
 */
export function describeFault(issue: RefusedValue): string {
  const path = (issue.path ?? []).filter((step) => typeof step !== 'symbol');
  if (issue.code === 'invalid_type') return describeType(issue.input, issue.expected, path);
  if (issue.code === 'invalid_value') return describeChoice(issue.input, issue.values.map(String));
  if (issue.code === 'too_small') {
    if (issue.origin === 'array') return `is an empty list; write at least one entry${orLeaveOut(path)}`;
    if (issue.origin === 'string') return `is empty; write a value${orLeaveOut(path)}`;
    return `must be ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum}`;
  }
  if (issue.code === 'too_big') {
    if (issue.origin === 'array') return `has too many entries; write at most ${issue.maximum}`;
    if (issue.origin === 'string') return `is too long; write at most ${issue.maximum} characters`;
    return `must be ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum}`;
  }
  return `does not fit; see ${page}`;
}

type Path = ReadonlyArray<string | number>;

function describeType(input: unknown, expected: string, path: Path): string {
  const wanted = typeNames[expected] ?? expected;
  const keys = knownKeys(path);
  const withKeys = keys.length === 0 ? '' : ` with the keys ${keys.join(', ')}`;
  if (input === undefined) return `is missing; write ${wanted}${withKeys}`;
  if (path.length === 0) {
    const given = input === null ? 'the file is empty' : `the file is ${typeOf(input)} as a whole`;
    return `${given}; write a mapping${withKeys} (${page})`;
  }
  if (input === null) return `is empty; write ${wanted}${withKeys}${orLeaveOut(path)}`;
  switch (expected) {
    case 'string':
      return isCollection(input)
        ? `must be text, not ${typeOf(input)}`
        : `is ${typeOf(input)} and must be text: put it in quotes`;
    case 'int':
      return typeof input === 'number' ? 'must be a whole number' : 'must be a whole number, without quotes';
    case 'number':
      return typeof input === 'number' ? 'must be a number in digits' : 'must be a number, without quotes';
    case 'boolean':
      return 'must be true or false, without quotes';
    case 'array':
      return isCollection(input)
        ? 'must be a list: begin each entry with "- "'
        : 'must be a list: put the entry in square brackets';
    default:
      return `must be ${wanted}${withKeys}, not ${typeOf(input)}`;
  }
}

function describeChoice(input: unknown, choices: readonly string[]): string {
  const list = choices.length === 1 ? String(choices[0]) : `one of ${choices.join(', ')}`;
  if (typeof input !== 'string') return `must be ${list}`;
  const meant = nearest(input, choices);
  const hint = meant === undefined || choices.length === 1 ? `write ${list}` : `did you mean "${meant}"?`;
  return `"${input}" is not known; ${hint}`;
}

function orLeaveOut(path: Path): string {
  return isRequired(path) ? '' : ', or take the key out';
}

function isCollection(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  return typeNames[typeof value] ?? 'another value';
}
