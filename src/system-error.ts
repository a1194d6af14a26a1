/** The code of a failed call to the operating system, such as `ENOENT`; all of a foreign error that goes into our own. */
export function systemErrorCode(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : 'unknown error';
}
