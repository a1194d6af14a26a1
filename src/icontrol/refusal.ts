import type { ErrorCode } from '../errors.js';
import { textOf } from './answer.js';
import type { Answer } from './answer.js';
import { deviceCodeOf, meaningOf } from './device-code.js';
import { DeviceError } from './errors.js';
import { redactPath } from './request.js';
import type { IControlRequest } from './request.js';

type Asked = Pick<IControlRequest, 'method' | 'path'>;

interface Meaning {
  readonly code: ErrorCode;
  readonly nextStep: string;
  readonly outcomeUnknown?: boolean;
}

const starting: Meaning = {
  code: 'MESH_ERR_DEVICE_NOT_READY',
  nextStep: 'Wait until the device has started; the agent tries again by itself',
  outcomeUnknown: true,
};
const busy: Meaning = {
  code: 'MESH_ERR_DEVICE_BUSY',
  nextStep: 'Wait until the running task ends; the agent tries again by itself',
};
const timedOut: Meaning = {
  code: 'MESH_ERR_DEVICE_TIMEOUT',
  nextStep:
    'Check the load of the device; the call may still be carried out, so read back before repeating it',
  outcomeUnknown: true,
};
const denied: Meaning = {
  code: 'MESH_ERR_DEVICE_ACCESS_DENIED',
  nextStep: 'Give the user a role that may do this, on this partition',
};
const unexpected: Meaning = {
  code: 'MESH_ERR_DEVICE_PROTOCOL',
  nextStep:
    'Check that the address is the management port of a BIG-IP, without a gateway that rewrites answers',
  outcomeUnknown: true,
};

/**
 * Turns an answer outside the 2xx class, or a 2xx one that is no JSON, into an error.
 *
 * Four writers answer on one port: mcpd/icrd (`apiError`), the Java workers (`kind: ":resterrorresponse"`), Apache
 * or Jetty (HTML), and extensions. Only the first one's 404 is about the object.
 */
export function refusalOf(asked: Asked, answer: Answer): DeviceError {
  const message = messageOf(answer);
  const deviceCode = deviceCodeOf(message);
  const { code, nextStep, outcomeUnknown = false } = meaningOfAnswer(answer, message, deviceCode);
  const resource = redactPath(asked.path);
  return new DeviceError(code, `${asked.method} ${resource}: ${message} (HTTP ${answer.status})`, nextStep, {
    status: answer.status,
    resource,
    outcomeUnknown,
    ...(deviceCode === undefined ? {} : { deviceCode }),
  });
}

function meaningOfAnswer(answer: Answer, message: string, deviceCode: string | undefined): Meaning {
  const { status, json } = answer;
  if (status < 300) return isForeignPage(answer) ? unexpected : starting;
  if (status < 400) return unexpected;
  if (status === 401) return meaningOf401(message);
  if (status === 403) return denied;
  // An HTML page comes from in front of the configuration system, which says nothing about any object.
  if (json === undefined) {
    if (answer.text?.includes('AsyncContext timeout') === true) return timedOut;
    return status >= 500 || status === 404 ? starting : unexpected;
  }
  if (status === 503) return message.includes('asynchronous task') ? busy : starting;
  if (status >= 500) return starting;
  if (message.includes('maximum active login tokens')) return tokenLimit;
  if (json['kind'] === ':resterrorresponse') return meaningOfWorkerError(status, message);
  if (status === 404 && typeof json['apiError'] !== 'number') return unexpected;
  if (message.startsWith("can't get object count from mcpd")) return busy;
  if (message.startsWith('Failed! exit_code')) {
    return {
      code: 'MESH_ERR_DEVICE_REFUSED',
      nextStep: 'Upload the file again: the device could not read its source path',
    };
  }
  if (message.startsWith('One of the following features must be licensed')) {
    return {
      code: 'MESH_ERR_DEVICE_REFUSED',
      nextStep: 'License and provision the module that the message names',
    };
  }
  if (deviceCode === undefined && status === 404) {
    return { code: 'MESH_ERR_DEVICE_NOT_FOUND', nextStep: 'Check the name and the partition' };
  }
  return meaningOf(deviceCode);
}

/** Answers of the Java workers: they know paths and logins, never objects. */
function meaningOfWorkerError(status: number, message: string): Meaning {
  // The forwarded call took over 60 s; the status is 400 all the same.
  if (message.startsWith('remoteSender:')) return timedOut;
  if (status === 404) return starting;
  if (status === 406) {
    return {
      code: 'MESH_ERR_DEVICE_REFUSED',
      nextStep: 'Ask for at most 36,000 seconds: no token lives longer',
    };
  }
  return { code: 'MESH_ERR_DEVICE_REFUSED', nextStep: 'Read the device message' };
}

const tokenLimit: Meaning = {
  code: 'MESH_ERR_DEVICE_TOKEN_LIMIT',
  nextStep:
    'Delete tokens of this user under /mgmt/shared/authz/tokens, or wait until they expire; ' +
    'on 17.1.2 a defect of the device (F5 ID 1787517) keeps dead ones until restjavad restarts',
};

function meaningOf401(message: string): Meaning {
  if (message.startsWith('Authorization failed: user=')) return denied;
  if (message.includes('no user authentication header') || message.includes('X-F5-Auth-Token')) {
    return {
      code: 'MESH_ERR_DEVICE_UNAUTHENTICATED',
      nextStep: 'Check the load of the device; the agent logs in again by itself',
    };
  }
  return { code: 'MESH_ERR_DEVICE_AUTH_FAILED', nextStep: 'Correct user name and password of the device' };
}

/** The answer's own words on one line, without what a device echoes of the request. */
function messageOf({ status, json, text }: Answer): string {
  const said = json === undefined ? titleOf(text) : textOf(json, 'message');
  if (said === undefined || said.trim() === '') return `no message, HTTP status ${status}`;
  const line = redactPath(said)
    .replaceAll(/\s+/g, ' ')
    .trim()
    // A commit puts this in front of the refusal of the command that failed.
    .replace(/^transaction failed: ?/, '');
  return line.length > 600 ? `${line.slice(0, 600)}...` : line;
}

/** A page that a web server other than the device's own gives for any address. */
function isForeignPage({ text = '' }: Answer): boolean {
  return /<title>/i.test(text) && !/BIG-IP|Configuration Utility/i.test(text);
}

function titleOf(text: string | undefined): string {
  const title = text === undefined ? undefined : /<title>([^<]{1,200})<\/title>/i.exec(text)?.[1];
  return title === undefined ? 'an answer that is not JSON' : `a page titled "${title.trim()}"`;
}
