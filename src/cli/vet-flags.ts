import type { ConfigFlag } from './open-agent.js';
import type { GlobalFlags } from './context.js';

/** From which outcome on `vet` fails; each one includes those before it. */
export const failOnLevels = ['error', 'warning', 'unknown'] as const;
export type FailOn = (typeof failOnLevels)[number];

/** The flags of `vet`: its results come as SARIF, too. */
export interface VetFlags extends ConfigFlag, Omit<GlobalFlags, 'output'> {
  readonly output: GlobalFlags['output'] | 'sarif';
  readonly failOn: FailOn;
}
