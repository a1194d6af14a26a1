import { isJsonObject } from '../../../src/mock/json.js';
import type { Json } from '../../../src/mock/json.js';

/** What a comparison leaves out. */
interface Leeway {
  /** Members whose values are the recorded device's own; they must be there, whatever they say. */
  readonly anyValue: ReadonlySet<string>;
  /** Members that are passed over. */
  readonly ignored: ReadonlySet<string>;
}

/**
 * What sets an answer apart from a recorded one, member by member and in their order. The version in links
 * is passed over, since one TMOS branch stands for several releases.
 */
export function differences(recorded: Json, answered: Json, leeway: Leeway, path = ''): readonly string[] {
  if (isJsonObject(recorded) && isJsonObject(answered)) {
    const names = (body: object) => Object.keys(body).filter((name) => !leeway.ignored.has(name));
    const [expected, actual] = [names(recorded), names(answered)];
    const found: string[] = [];
    for (const name of expected) {
      const place = `${path}/${name}`;
      const value = answered[name];
      if (value === undefined) found.push(`${place}: missing`);
      else if (!leeway.anyValue.has(name)) {
        found.push(...differences(recorded[name] ?? null, value, leeway, place));
      }
    }
    for (const name of actual) if (recorded[name] === undefined) found.push(`${path}/${name}: not recorded`);
    const inBoth = expected.filter((name) => actual.includes(name));
    const order = actual.filter((name) => inBoth.includes(name));
    if (order.join() !== inBoth.join())
      found.push(`${path}: order ${order.join()}, recorded ${inBoth.join()}`);
    return found;
  }
  if (Array.isArray(recorded) && Array.isArray(answered)) {
    const length = Math.max(recorded.length, answered.length);
    return Array.from({ length }, (_, index) =>
      differences(
        (recorded as readonly Json[])[index] ?? null,
        (answered as readonly Json[])[index] ?? null,
        leeway,
        `${path}[${index}]`,
      ),
    ).flat();
  }
  const [left, right] = [recorded, answered].map((value) =>
    typeof value === 'string' ? stripVersion(value) : JSON.stringify(value),
  );
  return left === right ? [] : [`${path}: ${right}, recorded ${left}`];
}

function stripVersion(text: string): string {
  return text.replace(/ver=[\d.]+/, 'ver=');
}
