import type { ErrorCode } from '../errors.js';

interface DeviceCodeMeaning {
  readonly code: ErrorCode;
  readonly nextStep: string;
}

const inUse: DeviceCodeMeaning = {
  code: 'MESH_ERR_DEVICE_IN_USE',
  nextStep: 'Remove the reference that the message names first',
};

/**
 * Message ids of mcpd (the eight hex digits before `:3:`) and what each asks of the reader.
 *
 * Texts and ids as recorded from devices of versions 11.5 to 17.5; ids missing here are refusals without a hint.
 */
const meanings: Readonly<Record<string, DeviceCodeMeaning>> = {
  '01020036': {
    code: 'MESH_ERR_DEVICE_NOT_FOUND',
    nextStep: 'Check the name and the partition, or run apply to create it',
  },
  '01020057': {
    code: 'MESH_ERR_DEVICE_REFUSED',
    nextStep: 'Shorten the text: a device stores at most 65,535 characters in one member',
  },
  '01020066': {
    code: 'MESH_ERR_DEVICE_EXISTS',
    nextStep: 'Rename it, or remove the object that is in the way if it is no longer needed',
  },
  '01070110': inUse,
  '01070151': {
    code: 'MESH_ERR_DEVICE_REFUSED',
    nextStep: 'Correct the iRule at the line that the message names',
  },
  '01070265': inUse,
  '01070277': {
    code: 'MESH_ERR_DEVICE_REFUSED',
    nextStep: 'Create what is referred to before, or in the same transaction',
  },
  '01070313': {
    code: 'MESH_ERR_DEVICE_REFUSED',
    nextStep: 'Give the key as an unencrypted PEM, or with its passphrase',
  },
  '01070317': {
    code: 'MESH_ERR_DEVICE_KEY_MISMATCH',
    nextStep: 'Replace key and certificate together, in one transaction',
  },
  '01070320': inUse,
  '01070333': {
    code: 'MESH_ERR_DEVICE_REFUSED',
    nextStep: 'Choose another listen address or port, or remove the virtual server that holds it',
  },
  '01070712': {
    code: 'MESH_ERR_DEVICE_REFUSED',
    nextStep:
      'Check that the value is what its member takes: PEM for certificates and keys, 65,520 bytes at most',
  },
  '01070726': {
    code: 'MESH_ERR_DEVICE_REFUSED',
    nextStep: 'Put both objects into one partition, or the one that is referred to into Common',
  },
  '01070734': {
    code: 'MESH_ERR_DEVICE_REFUSED',
    nextStep: 'Read the device message: it names what is missing or does not fit together',
  },
  '01070822': {
    code: 'MESH_ERR_DEVICE_ACCESS_DENIED',
    nextStep: 'Give the user the Manager role on the partition',
  },
  '0107082a': inUse,
  '01070830': inUse,
  '010717e3': {
    code: 'MESH_ERR_DEVICE_REFUSED',
    nextStep: 'Give the profile an RSA pair: this version takes no client SSL profile with another key alone',
  },
  '01071003': {
    code: 'MESH_ERR_DEVICE_BUSY',
    nextStep: 'Wait until the device has finished provisioning',
  },
  '01071349': inUse,
  '0107176c': {
    code: 'MESH_ERR_DEVICE_EXISTS',
    nextStep: 'Use the object that has this address, or another address',
  },
};

const plainRefusal: DeviceCodeMeaning = {
  code: 'MESH_ERR_DEVICE_REFUSED',
  nextStep: 'Read the device message; it names the object and the rule',
};

export function meaningOf(deviceCode: string | undefined): DeviceCodeMeaning {
  return deviceCode === undefined ? plainRefusal : (meanings[deviceCode] ?? plainRefusal);
}

/** @returns the id in front of an mcpd message: `01070317` of `01070317:3: profile ...` */
export function deviceCodeOf(message: string): string | undefined {
  return /^([0-9a-f]{8}):\d+: /.exec(message)?.[1];
}
