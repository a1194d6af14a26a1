/**
 * What icrd and mcpd answer instead of doing: an HTTP status, the device's text, and who refused.
 *
 * It is thrown inside the pure change functions and ends, at the latest, as an HTTP answer; it never leaves
 * the mock as an error.
 */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly apiError: number;

  constructor(status: number, message: string, apiError: number) {
    super(message);
    this.status = status;
    this.apiError = apiError;
  }
}

/** Values of `apiError` that devices were seen to send. */
export const apiErrors = {
  icrd: 1,
  transactionFailed: 2,
  mcpd: 3,
  /** 0x1900001 */
  tmsh: 26_214_401,
  /** 0x1F40001 */
  mcpdLost: 32_768_001,
  /** 0x1F70001 */
  asyncTask: 32_964_609,
} as const;

/** A refusal by mcpd. The HTTP status follows from the message id: 01020036 is 404, 01020066 is 409, others 400. */
export function mcpdRefusal(messageId: string, text: string): Refusal {
  const status = messageId === '01020036' ? 404 : messageId === '01020066' ? 409 : 400;
  return new Refusal(status, `${messageId}:3: ${text}`, apiErrors.mcpd);
}

/** A refusal by the tmsh grammar. */
export function tmshRefusal(text: string): Refusal {
  return new Refusal(400, text, apiErrors.tmsh);
}

export function icrdRefusal(status: number, text: string): Refusal {
  return new Refusal(status, text, apiErrors.icrd);
}

export function notFound(title: string, what: string): Refusal {
  return mcpdRefusal('01020036', `The requested ${title} (${what}) was not found.`);
}

export function alreadyExists(title: string, what: string, partition: string): Refusal {
  return mcpdRefusal(
    '01020066',
    `The requested ${title} (${what}) already exists in partition ${partition}.`,
  );
}
