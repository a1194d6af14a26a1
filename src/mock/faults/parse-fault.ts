import { accepted, refused } from '../../parsed.js';
import type { Parsed } from '../../parsed.js';
import { faultNames, faultRuleSchema } from './fault.js';
import type { FaultRule } from './fault.js';

const texts = new Set(['method', 'path']);

/** Reads a fault as a flag gives it: `latency,ms=100,path=/mgmt/tm/transaction`. */
export function parseFault(text: string): Parsed<FaultRule> {
  const [fault = '', ...settings] = text.split(',');
  if (!(faultNames as readonly string[]).includes(fault)) {
    return refused(`"${fault}" is no fault; there are: ${faultNames.join(', ')}`);
  }
  const members = settings.map((setting): [string, string | number] => {
    const [key = '', ...rest] = setting.split('=');
    const value = rest.join('=');
    return [key, texts.has(key) ? value : Number(value)];
  });
  const parsed = faultRuleSchema.safeParse({ fault, ...Object.fromEntries(members) });
  if (parsed.success) return accepted(parsed.data);
  const [issue] = parsed.error.issues;
  return refused(`"${text}": ${[...(issue?.path ?? []), issue?.message].join(' ')}`);
}
