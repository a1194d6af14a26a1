import type { DataPlane, DataPlaneConfiguration } from '../../../src/mock/data-plane/configuration.js';
import { Statistics } from '../../../src/mock/data-plane/statistics.js';

/** A data plane that carries nothing and remembers what it was given. */
export class RecordingDataPlane implements DataPlane {
  readonly applied: DataPlaneConfiguration[] = [];
  /** When set, the next hand-over fails. */
  failsNext = false;
  isOpen = false;
  readonly statistics = new Statistics();

  get last(): DataPlaneConfiguration | undefined {
    return this.applied.at(-1);
  }

  start(): Promise<void> {
    this.isOpen = true;
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.isOpen = false;
    return Promise.resolve();
  }

  checkRule: DataPlane['checkRule'] = ({ text }) =>
    Promise.resolve(
      text.includes('xlog') ? [{ line: 2, kind: 'undefined procedure: xlog', source: 'xlog hi' }] : [],
    );

  apply(configuration: DataPlaneConfiguration): Promise<void> {
    if (this.failsNext) {
      this.failsNext = false;
      return Promise.reject(new Error('no such address'));
    }
    this.applied.push(configuration);
    return Promise.resolve();
  }
}
