import { AgentError } from '../errors.js';
import type { ErrorCode } from '../errors.js';

/** What is known of a failed call besides its code. Never a body, a header or a token. */
interface DeviceErrorDetails {
  /** HTTP status; missing when no answer came. */
  readonly status?: number;
  /** The device's own message id, eight hex digits such as `01070317`. */
  readonly deviceCode?: string;
  /** The path that was asked for, tokens replaced. */
  readonly resource: string;
  /** Whether the device may have carried the call out although it failed. */
  readonly outcomeUnknown?: boolean;
}

/** A call to a device that failed, in terms that a person or the reconcile loop can act on. */
export class DeviceError extends AgentError {
  readonly status: number | undefined;
  readonly deviceCode: string | undefined;
  readonly resource: string;
  readonly outcomeUnknown: boolean;

  constructor(code: ErrorCode, message: string, nextStep: string, details: DeviceErrorDetails) {
    super(code, message, nextStep);
    this.status = details.status;
    this.deviceCode = details.deviceCode;
    this.resource = details.resource;
    this.outcomeUnknown = details.outcomeUnknown ?? false;
  }

  /** The same error, telling which device it is of; a message that does already stays as it is. */
  of(device: string): DeviceError {
    if (this.message.includes(device)) return this;
    return new DeviceError(this.code, `${device}: ${this.message}`, this.nextStep, {
      ...(this.status === undefined ? {} : { status: this.status }),
      ...(this.deviceCode === undefined ? {} : { deviceCode: this.deviceCode }),
      resource: this.resource,
      outcomeUnknown: this.outcomeUnknown,
    });
  }

  /** Whether the same call may pass later. */
  get transient(): boolean {
    return this.consequence === 'transient';
  }
}
