/** One request that the mock answered. Bodies and headers are never kept: they carry passwords and keys. */
export interface RecordedRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly status: number;
  /** Size of the body. */
  readonly bytesIn: number;
}
