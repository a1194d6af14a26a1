import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface Finished {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const main = fileURLToPath(new URL('../../src/main.js', import.meta.url));

/** Starts `bigip-mesh` as a process of its own. */
export function startBigipMesh(
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): ChildProcessWithoutNullStreams {
  return spawn(process.execPath, [main, ...args], { env: { ...env, NO_COLOR: '1' } });
}

/** Runs `bigip-mesh` to its end. */
export function bigipMesh(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<Finished> {
  return finished(startBigipMesh(args, env));
}

/** Runs any command to its end; `input` is its standard input. */
export function run(command: string, args: readonly string[], input = ''): Promise<Finished> {
  const child = spawn(command, args);
  // A command that ends before it has read its input is no fault here.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  return finished(child);
}

export async function finished(child: ChildProcessWithoutNullStreams): Promise<Finished> {
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, stdout, stderr };
}

/** Resolves with the match when a line of the process's stdout fits. */
export function lineOf(child: ChildProcessWithoutNullStreams, pattern: RegExp): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    let text = '';
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    child.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const match = pattern.exec(text);
      if (match !== null) resolve(match);
    });
    child.once('close', () => reject(new Error(`ended without ${String(pattern)}: ${text}${errors}`)));
  });
}
