import { readFile } from 'node:fs/promises';
import { AgentError } from '../errors.js';

/**
 * Where the shipped rule can lie, seen from this module: beside a bundle, above a bundle in `dist/`, and above
 * the compiled `build/src/irule/`.
 */
const places = ['./irules/', '../irules/', '../../../irules/'];

/**
 * The text of the shipped rule, `irules/spiffe_allowlist.tcl`, as it goes to the device.
 *
 * @throws AgentError MESH_ERR_RULE_MISSING when the package lacks it.
 */
export async function loadRule(): Promise<string> {
  for (const place of places) {
    try {
      return await readFile(new URL(`${place}spiffe_allowlist.tcl`, import.meta.url), 'utf8');
    } catch {
      // Not there; the next place decides.
    }
  }
  throw new AgentError(
    'MESH_ERR_RULE_MISSING',
    'irules/spiffe_allowlist.tcl is not beside the program',
    'install the package again, or put its irules folder beside the bundle',
  );
}
