import type { Clock } from '../clock.js';
import type { Logger } from '../log.js';
import type { Output } from './output.js';

/** What every command gets from the process, so that a test can give it instead. */
export interface CliContext {
  readonly output: Output;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Aborts on Ctrl-C and on SIGTERM. */
  readonly signal: AbortSignal;
}

/** The flags that all commands take. */
export interface GlobalFlags {
  readonly output: 'text' | 'json';
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly logLevel: string;
}

/** 0 done, 1 failed, 2 there are changes (`plan --detailed-exitcode`), 3 wrong usage or config. */
export type ExitCode = 0 | 1 | 2 | 3;
