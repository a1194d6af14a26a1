import { AgentError } from '../errors.js';

/**
 * Told of what is wrong with one service. To let that stop everything, throw the error on; whoever returns goes on
 * with what the device holds of that service, or without it.
 */
export type OnServiceFailure = (service: string, error: AgentError) => void;

/** For one-shot commands: somebody stands at the terminal and can mend what is wrong. */
export const stopAtFailure: OnServiceFailure = (_service, error) => {
  throw error;
};

interface FailureOptions {
  readonly onServiceFailure: OnServiceFailure;
  readonly signal: AbortSignal;
}

/** What was asked for, or what the device has when that cannot be had. */
export async function orInstalled<T>(
  service: string,
  { onServiceFailure, signal }: FailureOptions,
  installed: T | undefined,
  desire: () => Promise<T>,
): Promise<T> {
  try {
    return await desire();
  } catch (error) {
    signal.throwIfAborted();
    if (installed === undefined || !(error instanceof AgentError)) throw error;
    onServiceFailure(service, error);
    return installed;
  }
}

/** A service that cannot be desired is left out; what the device has of it is not touched. */
export async function withoutFailed(
  service: string,
  { onServiceFailure, signal }: FailureOptions,
  desire: () => Promise<void>,
): Promise<void> {
  try {
    await desire();
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof AgentError)) throw error;
    onServiceFailure(service, error);
  }
}
