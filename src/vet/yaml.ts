import { parseDocument } from 'yaml';
import { accepted, refused } from '../parsed.js';
import type { Parsed } from '../parsed.js';
import { record } from './fields.js';
import type { Fields } from './fields.js';

/** Reads a mapping out of YAML or JSON text that somebody else wrote; an empty text is an empty mapping. */
export function parseYamlFields(text: string): Parsed<Fields> {
  const document = parseDocument(text, { logLevel: 'silent' });
  const [error] = document.errors;
  if (error !== undefined) return refused(`line ${error.linePos?.[0].line ?? 1} is not YAML`);
  try {
    return accepted(record(document.toJS()));
  } catch {
    // Aliases that name nothing, or that multiply.
    return refused('its aliases cannot be resolved');
  }
}
