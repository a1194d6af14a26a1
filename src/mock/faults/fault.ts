import { z } from 'zod';

/** What can go wrong with a device, by name. */
export const faultNames = [
  /** Answers come `ms` later. */
  'latency',
  /** The connection ends before anything is done. */
  'drop-before',
  /** What was asked for is done, and the connection ends without an answer. */
  'drop-after',
  /** 401 "no user authentication header", although the credentials are right. */
  'unauthenticated',
  /** 503 "There is an active asynchronous task executing." */
  'async-task',
  /** 503 with a page of HTML: httpd is up and restjavad is not. */
  'restarting',
  /** 404 "URI path ... not registered": restjavad is up and the worker is not loaded. */
  'not-registered',
  /** 404 "Public URI path not registered": the worker is registering. */
  'public-uri-not-registered',
  /** 404 01020036 for objects that exist, and collections that cannot be counted. */
  'false-not-found',
  /** 500 "The connection to mcpd has been lost, try again." */
  'mcpd-lost',
  /** A restart of mcpd: `false-not-found` for the first half of `forMs`, `mcpd-lost` for the second. */
  'mcpd-restart',
  /** What was asked for is done, and the answer is a 400 with a TimeoutException. */
  'remote-timeout',
  /** 400 01071003: a provisioning operation is in progress. */
  'provisioning',
  /** Error answers over 2 kB come as "request failed with null exception", as up to 16.0. */
  'truncated-errors',
  /** Uploads fail: there is no room. */
  'disk-full',
  /** Uploads fail, and the error's body is the bytes that were posted. */
  'upload-echo',
  /** Logins fail: the user has as many tokens as it may have. */
  'token-limit',
  /** Reads show the configuration as it was before the last change. */
  'stale-read',
  /** Changes are taken, but listeners go on serving the certificates that they have. */
  'old-certificate',
] as const;
export type FaultName = (typeof faultNames)[number];

/** A fault, which requests it strikes, and for how long. */
export const faultRuleSchema = z.strictObject({
  fault: z.enum(faultNames),
  /** Only requests of this method. */
  method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE']).optional(),
  /** Only paths that begin so: `/mgmt/tm/transaction`. */
  path: z.string().startsWith('/').optional(),
  /** Requests that fit and are let through first. */
  skip: z.int().min(0).optional(),
  /** Requests that are struck before the fault goes away; default: all. */
  times: z.int().min(1).optional(),
  /** Share of the requests that fit which are struck, by the seeded generator; default 1. */
  share: z.number().min(0).max(1).optional(),
  /** Milliseconds of `latency`. */
  ms: z.int().min(0).optional(),
  /** Milliseconds after which the fault goes away by itself. */
  forMs: z.int().min(0).optional(),
});
export type FaultRule = z.infer<typeof faultRuleSchema>;
