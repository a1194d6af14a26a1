import { z } from 'zod';
import type { Parsed } from '../parsed.js';

/** A string that one of our own parsers understands, kept as what the parser gives. */
export function parsedBy<T>(parse: (text: string) => Parsed<T>) {
  return z.string().transform((text, context) => {
    const parsed = parse(text);
    if (parsed.ok) return parsed.value;
    context.addIssue({ code: 'custom', message: parsed.reason });
    return z.NEVER;
  });
}
