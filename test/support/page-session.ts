import { strict as assert } from 'node:assert';
import { spawn } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../src/clock.js';
import { findFreePort } from '../../src/demo/free-port.js';
import { startScenario } from '../../src/demo/scenario.js';
import { badCallerId, goodCallerId } from '../../src/demo/surroundings.js';
import { silentLogger } from '../../src/log.js';
import { finished } from './command.js';
import { readPage } from './console-blocks.js';
import type { PageStep } from './console-blocks.js';
import { withoutChance } from './golden.js';
import { issueKubeApiTls } from './kube-api-tls.js';
import { served, WorkloadApiServer } from './workload-api-server.js';

const mark = '=====step';

/** Whose certificates and keys lie in the folder: `sleep.pem` and `sleep.key`. */
const callers = {
  sleep: goodCallerId,
  default: badCallerId,
  bigip: 'spiffe://cluster.local/ns/default/sa/bigip',
};

/** What one step printed, on stdout and stderr together and without what differs from run to run. */
export interface StepResult {
  readonly step: PageStep;
  readonly lines: readonly string[];
  readonly exitCode: number;
}

/**
 * Runs everything that a page shows as one bash session, against a reference scenario of its own.
 *
 * Its folder has `config.yaml`, and certificates under the mesh's root: `sleep.pem`, `default.pem` and `bigip.pem` with
 * their keys, and `root.pem`; at `$WORKLOAD_API` a Workload API serves the identity of `bigip.pem`. Ports that `<!-- ports: 8443 -->` names are replaced by free ones.
 *
 * @param program the compiled `bigip-mesh`
 */
export async function runPage(markdown: string, program: string): Promise<readonly StepResult[]> {
  const { steps } = readPage(await withFreePorts(markdown));
  const kubeApiTls = await issueKubeApiTls();
  const scenario = await startScenario({ clock: systemClock, logger: silentLogger(), kubeApiTls });
  const workloadApi = await WorkloadApiServer.start();
  try {
    const { folder, kubeconfigFile, meshCa } = scenario;
    const bin = join(folder, 'bin');
    await mkdir(bin);
    await writeFile(join(bin, 'bigip-mesh'), `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`);
    await chmod(join(bin, 'bigip-mesh'), 0o755);
    for (const [name, spiffeId] of Object.entries(callers)) {
      const svid = await meshCa.mint(spiffeId);
      const certificate = svid.renderLeafPem() + svid.renderChainPem();
      await writeFile(join(folder, `${name}.pem`), certificate);
      await writeFile(join(folder, `${name}.key`), svid.renderKeyPem().reveal(), { mode: 0o600 });
      if (name === 'bigip') workloadApi.serve([served(svid, [meshCa.rootCertificate])]);
    }
    await writeFile(join(folder, 'root.pem'), meshCa.rootPem);
    await writeFile(join(folder, 'session.sh'), script(steps));
    const bash = spawn('bash', ['session.sh'], {
      cwd: folder,
      env: {
        PATH: `${bin}:${process.env['PATH'] ?? ''}`,
        HOME: folder,
        KUBECONFIG: kubeconfigFile,
        NO_COLOR: '1',
        WORKLOAD_API: workloadApi.address,
      },
    });
    bash.stdin.end();
    const { stdout, stderr } = await finished(bash);
    assert.equal(stderr, '');
    return steps.map((step, index) => resultOf(stdout, step, index));
  } finally {
    await workloadApi.close();
    await scenario.close();
  }
}

async function withFreePorts(markdown: string): Promise<string> {
  const named = /^<!-- ports: ([\d ]+) -->$/m.exec(markdown)?.[1]?.split(' ') ?? [];
  let text = markdown;
  for (const port of named) text = text.replaceAll(`:${port}`, `:${await findFreePort()}`);
  return text;
}

function script(steps: readonly PageStep[]): string {
  const lines = steps.map((step, index) => {
    const [begin, end] = [`echo '${mark} ${index} begins'`, `echo "${mark} ${index} ended $?"`];
    return `${begin}\n${bodyOf(step, index)}\n${end}`;
  });
  // What a page starts in the background ends with it.
  return `${lines.join('\n')}\nexec 2>/dev/null\nkill $(jobs -p)\nwait\n`;
}

function bodyOf(step: PageStep, index: number): string {
  if (step.is === 'file') return `cat > '${step.name}' <<'END OF FILE'\n${step.content}END OF FILE`;
  if (step.is === 'hidden') return `{ ${step.command}\n} 2>&1`;
  const { command, output, isInterrupted } = step.shown;
  const isLeftRunning = command.endsWith(' &');
  if (!isLeftRunning && !isInterrupted) return `{ ${command}\n} 2>&1`;
  // Its lines are awaited, as many as the page shows; then it is ended, or goes on unheard.
  const pipe = `pipe-${index}`;
  const then = isLeftRunning ? `cat <&7 >/dev/null &` : `kill -TERM $started\ncat <&7\nwait $started`;
  return [
    `mkfifo ${pipe}`,
    `(exec ${command.replace(/ &$/, '')}) >${pipe} 2>&1 & started=$!`,
    `exec 7<${pipe}`,
    `for line in ${output.map((_, number) => number).join(' ')}`,
    `do IFS= read -r -t 60 printed <&7 && printf '%s\\n' "$printed"; done`,
    then,
  ].join('\n');
}

function resultOf(stdout: string, step: PageStep, index: number): StepResult {
  const [, after = ''] = stdout.split(`${mark} ${index} begins\n`);
  const end = new RegExp(`${mark} ${index} ended (\\d+)\n`).exec(after);
  assert.ok(end !== null, `step ${index} did not end:\n${stdout}`);
  const text = withoutChance(after.slice(0, end.index)).replace(/\n$/, '');
  return { step, lines: text === '' ? [] : text.split('\n'), exitCode: Number(end[1]) };
}
