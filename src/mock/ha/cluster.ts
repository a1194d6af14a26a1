/** Status words of `cm/sync-status` that the mock uses. */
type SyncStatus = 'Standalone' | 'In Sync' | 'Changes Pending' | 'Syncing' | 'Disconnected';

/** What `cm/sync-status` says. */
export interface SyncReport {
  readonly mode: 'standalone' | 'high-availability';
  readonly status: SyncStatus;
  readonly color: 'green' | 'yellow' | 'blue' | 'red';
  readonly summary: string;
  readonly details: readonly string[];
}

/** What a unit asks of the group of units that it belongs to. */
export interface Cluster {
  isActive(): boolean;
  syncReport(): SyncReport;
  /** The unit's configuration changed. */
  changed(): void;
  /**
   * Starts to copy configuration between the units; `to` sends this unit's, `from` fetches the other's.
   *
   * @throws Refusal for a group that does not exist.
   */
  startSync(direction: 'to' | 'from', group: string): void;
  /** Hands traffic to the peer. */
  standBy(): Promise<void>;
}
