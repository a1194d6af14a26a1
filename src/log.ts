import { pino } from 'pino';
import type { DestinationStream, Logger } from 'pino';

export type { Logger } from 'pino';

export const logLevels = ['silent', 'error', 'warn', 'info', 'debug', 'trace'] as const;
export type LogLevel = (typeof logLevels)[number];

/**
 * The one logger of a process, to be passed on; nothing imports a logger.
 *
 * Secrets are of type `Secret`, which prints as `[redacted]`; the paths here are the belt to those braces.
 */
export function createLogger(level: LogLevel, destination: DestinationStream): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: ['password', 'token', '*.password', '*.token', 'headers'], censor: '[redacted]' },
    },
    destination,
  );
}

/** For library callers and tests that want none. */
export function silentLogger(): Logger {
  return pino({ level: 'silent' });
}
