import type { EpochFence } from '../../src/controller/epoch-fence.js';

/** Of a leader that nobody contests. */
export const openFence: Pick<EpochFence, 'begin' | 'open'> = {
  begin: () => undefined,
  open: () => ({
    isHoldingOn: false,
    onRead: () => undefined,
    beforeCommit: () => undefined,
    onCommitted: () => undefined,
  }),
};
