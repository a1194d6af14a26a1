import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { OutputFormat } from '../cli/output.js';
import { AgentError } from '../errors.js';
import type { DeviceTrust } from '../icontrol/trust.js';
import { Secret } from '../secret.js';
import { systemErrorCode } from '../system-error.js';

export const usage = `usage: npm run conformance -- --url https://HOST[:PORT] [options]

Asks a BIG-IP everything that the agent relies on, and prints a line a check.

  --user NAME --password-file FILE  log in; without, only what needs no login is asked
  --ca FILE                         the CA of the management certificate, or that certificate itself
  --sha256 FINGERPRINT              the SHA-256 fingerprint of the management certificate
  --write                           write, into partition mesh_conformance alone, which is removed at the end
  --output text|json
`;

/** What a person asked for. */
interface ConformanceCommand {
  readonly url: URL;
  readonly trust: DeviceTrust;
  readonly credentials?: { readonly username: string; readonly password: Secret };
  readonly write: boolean;
  readonly output: OutputFormat;
}

/** @throws AgentError MESH_ERR_USAGE, MESH_ERR_CONFIG_UNREADABLE */
export async function parseCommandLine(args: readonly string[]): Promise<ConformanceCommand> {
  const flags = parseFlags(args);
  const url = flags.url !== undefined && URL.canParse(flags.url) ? new URL(flags.url) : undefined;
  if (url?.protocol !== 'https:' || url.username !== '') {
    throw wrongUsage('--url has to be of the form https://HOST or https://HOST:PORT');
  }
  if ((flags.user === undefined) !== (flags['password-file'] === undefined)) {
    throw wrongUsage('--user and --password-file go together');
  }
  if (flags.ca !== undefined && flags.sha256 !== undefined)
    throw wrongUsage('give --ca or --sha256, not both');
  if (flags.write === true && flags.user === undefined) throw wrongUsage('--write needs --user');
  if (flags.output !== 'text' && flags.output !== 'json') throw wrongUsage('--output is text or json');
  return {
    url,
    trust:
      flags.sha256 === undefined
        ? flags.ca === undefined
          ? {}
          : { caPem: await readNamed(flags.ca, '--ca') }
        : { fingerprint256: flags.sha256 },
    ...(flags.user === undefined || flags['password-file'] === undefined
      ? {}
      : {
          credentials: {
            username: flags.user,
            password: new Secret(
              (await readNamed(flags['password-file'], '--password-file')).replace(/\r?\n$/, ''),
            ),
          },
        }),
    write: flags.write === true,
    output: flags.output,
  };
}

function parseFlags(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        url: { type: 'string' },
        user: { type: 'string' },
        'password-file': { type: 'string' },
        ca: { type: 'string' },
        sha256: { type: 'string' },
        write: { type: 'boolean' },
        output: { type: 'string', default: 'text' },
      },
    }).values;
  } catch (error) {
    throw wrongUsage(error instanceof Error ? (error.message.split('. ')[0] ?? '') : 'unknown flag');
  }
}

async function readNamed(file: string, flag: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new AgentError(
      'MESH_ERR_CONFIG_UNREADABLE',
      `the file of ${flag}, ${file}, cannot be read (${systemErrorCode(error)})`,
      'Correct the path',
    );
  }
}

function wrongUsage(message: string): AgentError {
  return new AgentError('MESH_ERR_USAGE', message, 'Run npm run conformance -- --help');
}
