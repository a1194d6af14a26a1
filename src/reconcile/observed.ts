import type { ObservedObject } from './device-object.js';
import type { Ledger } from './ledger.js';

/** What was read from the device, all of it: a part that could not be read is an error and not an absence. */
export interface ObservedDevice {
  /** Such as `16.1.3.3`. */
  readonly tmosVersion: string;
  readonly partitionExists: boolean;
  /** The objects of the kinds that the agent writes, in its partition, whoever made them. */
  readonly objects: readonly ObservedObject[];
  /** Absent before the first change. */
  readonly ledger: Ledger | undefined;
  /** The number of changes that were made so far; 0 before the first. */
  readonly epoch: number;
}
