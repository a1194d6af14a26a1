import { readCaller } from './caller-files.js';
import type { CliContext, ExitCode, GlobalFlags } from './context.js';
import { serviceNamed, withAgent } from './open-agent.js';
import type { ConfigFlag } from './open-agent.js';
import { printProof } from './render-proof.js';

interface VerifyFlags extends ConfigFlag, GlobalFlags {
  readonly goodCert?: string;
  readonly goodKey?: string;
  readonly badCert?: string;
  readonly badKey?: string;
}

/** `verify SERVICE`: who gets in and who does not, as seen on the wire. */
export async function runVerify(context: CliContext, flags: VerifyFlags, name: string): Promise<ExitCode> {
  const { output } = context;
  const good = await readCaller('good', flags.goodCert, flags.goodKey);
  const bad = await readCaller('bad', flags.badCert, flags.badKey);
  const given = { ...(good === undefined ? {} : { good }), ...(bad === undefined ? {} : { bad }) };
  return withAgent<ExitCode>(context, flags, async (agent) => {
    const proof = await agent.verify(serviceNamed(agent, name), { given, isThorough: true });
    printProof(output, proof);
    output.json({ service: name, ...proof });
    return proof.passed ? 0 : 1;
  });
}
