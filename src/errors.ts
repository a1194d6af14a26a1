/**
 * What an error means for whoever called.
 *
 * - `invalid`: the input (flags, config, allowlist) is wrong; nothing was tried. Exit code 3.
 * - `refused`: somebody, or a rule of ours, said no; repeating changes nothing. Exit code 1.
 * - `transient`: the same call may pass later. Exit code 1.
 * - `bug`: the agent itself is at fault. Exit code 1.
 */
export type Consequence = 'invalid' | 'refused' | 'transient' | 'bug';

interface CatalogueEntry {
  readonly consequence: Consequence;
  /** One sentence for docs/reference/errors.md. */
  readonly meaning: string;
}

/** Every error that the agent raises. A code, once released, is never used for something else. */
export const errorCatalogue = {
  MESH_ERR_ALLOWLIST_INVALID: {
    consequence: 'invalid',
    meaning:
      'A line of an allowlist ConfigMap is no SPIFFE ID and no pattern of one, or a device cannot enforce a rule of an ' +
      'AuthorizationPolicy.',
  },
  MESH_ERR_ALLOWLIST_TOO_LARGE: {
    consequence: 'refused',
    meaning:
      'The allowlist of a service has more entries than a data group holds; those too many admit nobody.',
  },
  MESH_ERR_ALLOWLIST_UNKNOWN: {
    consequence: 'transient',
    meaning:
      'The allowlist ConfigMaps or AuthorizationPolicies of a service could not be read yet; what the device enforces ' +
      'stays.',
  },
  MESH_ERR_CA_ANSWER: {
    consequence: 'refused',
    meaning: 'The mesh CA answered with something else than a certificate, its chain and its roots.',
  },
  MESH_ERR_CA_CHAIN: {
    consequence: 'refused',
    meaning: "The mesh CA's certificate does not lead to its root, or may not sign workload certificates.",
  },
  MESH_ERR_CA_EXPIRED: {
    consequence: 'refused',
    meaning: "The mesh CA's certificate is not valid now.",
  },
  MESH_ERR_CA_KEY_MISMATCH: {
    consequence: 'refused',
    meaning: "The mesh CA's private key does not belong to its certificate.",
  },
  MESH_ERR_CA_KEY_UNSUPPORTED: {
    consequence: 'refused',
    meaning: 'The signing key is of a kind that the agent does not sign certificates with.',
  },
  MESH_ERR_CA_NOT_SERVED: {
    consequence: 'refused',
    meaning: 'Who answers at the address of the mesh CA is no certificate authority.',
  },
  MESH_ERR_CA_REQUEST_REFUSED: {
    consequence: 'refused',
    meaning: 'The mesh CA does not sign what it was asked for.',
  },
  MESH_ERR_CA_ROOT_MISMATCH: {
    consequence: 'refused',
    meaning:
      "The mesh trusts other roots than the CA secret's, or publishes none, so another CA signs for it.",
  },
  MESH_ERR_CA_SECRET_INCOMPLETE: {
    consequence: 'refused',
    meaning: 'A key of the CA secret is missing or empty.',
  },
  MESH_ERR_CA_SECRET_INVALID: {
    consequence: 'refused',
    meaning: 'A key of the CA secret does not hold the certificate or private key that it should.',
  },
  MESH_ERR_CA_SECRET_MISSING: {
    consequence: 'refused',
    meaning: 'The cluster has no secret with the key of the mesh CA.',
  },
  MESH_ERR_CA_TOKEN_MISSING: {
    consequence: 'refused',
    meaning: 'There is no service account token to show to the mesh CA.',
  },
  MESH_ERR_CA_TOKEN_REFUSED: {
    consequence: 'refused',
    meaning: 'The mesh CA does not accept the service account token, or it is of another account.',
  },
  MESH_ERR_CA_UNAVAILABLE: {
    consequence: 'transient',
    meaning: 'The mesh CA cannot be reached, cannot be verified, or could not sign just now.',
  },
  MESH_ERR_CONFIG_INVALID: {
    consequence: 'invalid',
    meaning: 'The config file does not fit its schema, or contradicts itself.',
  },
  MESH_ERR_CONFIG_UNREADABLE: {
    consequence: 'invalid',
    meaning: 'The config file, or a file that it names, cannot be read.',
  },
  MESH_ERR_CONFIG_UNSUPPORTED: {
    consequence: 'invalid',
    meaning: 'The config asks for something that this version does not do.',
  },
  MESH_ERR_CONTROLLER_LISTEN: {
    consequence: 'refused',
    meaning: 'The controller cannot have the address for its health and metrics.',
  },
  MESH_ERR_DEMO_FAILED: {
    consequence: 'refused',
    meaning: 'Something that the demo is there to show was not observed.',
  },
  MESH_ERR_CRL_EXPIRED: {
    consequence: 'refused',
    meaning:
      'A CRL that is in force should have had a successor by now. It goes on revoking what it names; what was revoked ' +
      'since nobody knows.',
  },
  MESH_ERR_CRL_INCOMPLETE: {
    consequence: 'refused',
    meaning:
      'The mesh publishes CRLs, and none for a CA that callers may be under, who may all be refused for that.',
  },
  MESH_ERR_CRL_REFUSED: {
    consequence: 'refused',
    meaning:
      'A CRL that the mesh publishes is broken, not genuine, not in force yet, older than the one in force, or not ' +
      'complete. What was in force stays.',
  },
  MESH_ERR_CRL_UNKNOWN: {
    consequence: 'transient',
    meaning: 'The CRLs of the mesh could not be read; what was in force stays.',
  },
  MESH_ERR_DEVICE_ACCESS_DENIED: {
    consequence: 'refused',
    meaning: 'The device knows the user but does not let it do this.',
  },
  MESH_ERR_DEVICE_AUTH_FAILED: {
    consequence: 'refused',
    meaning: 'The device refuses the user name and password; they are not tried again until they change.',
  },
  MESH_ERR_DEVICE_BUSY: {
    consequence: 'transient',
    meaning: 'The device runs an asynchronous task, or is provisioning, and takes no changes meanwhile.',
  },
  MESH_ERR_DEVICE_CERTIFICATE: {
    consequence: 'refused',
    meaning: 'The certificate of the management port is not the expected one; nothing was sent.',
  },
  MESH_ERR_DEVICE_EXISTS: {
    consequence: 'refused',
    meaning: 'An object of this name or address is on the device already.',
  },
  MESH_ERR_DEVICE_IN_USE: {
    consequence: 'refused',
    meaning: 'The object cannot be removed because another object refers to it.',
  },
  MESH_ERR_DEVICE_KEY_MISMATCH: {
    consequence: 'refused',
    meaning: 'A key and a certificate that a profile would use do not belong together.',
  },
  MESH_ERR_DEVICE_NO_ACTIVE_UNIT: {
    consequence: 'transient',
    meaning: 'Not exactly one unit of the pair is active, so there is no unit to write to.',
  },
  MESH_ERR_DEVICE_NOT_FOUND: {
    consequence: 'refused',
    meaning: 'The object is not on the device, and the device was ready when it said so.',
  },
  MESH_ERR_DEVICE_NOT_READY: {
    consequence: 'transient',
    meaning: 'The device, or a part of its management plane, is starting; its answers mean nothing yet.',
  },
  MESH_ERR_DEVICE_OUTCOME_UNKNOWN: {
    consequence: 'transient',
    meaning: 'A transaction may or may not have been committed, because the answer never came.',
  },
  MESH_ERR_DEVICE_PROTOCOL: {
    consequence: 'refused',
    meaning: 'The answer is not one that iControl REST gives.',
  },
  MESH_ERR_DEVICE_REFUSED: { consequence: 'refused', meaning: 'The device refuses the change.' },
  MESH_ERR_DEVICE_SYNC_CONFLICT: {
    consequence: 'refused',
    meaning: 'Another unit of the pair has changes that a config sync from the active unit would overwrite.',
  },
  MESH_ERR_DEVICE_SYNC_INCOMPLETE: {
    consequence: 'transient',
    meaning: 'The pair did not reach In Sync within the deadline.',
  },
  MESH_ERR_DEVICE_TIMEOUT: {
    consequence: 'transient',
    meaning: 'The device, or the call that it forwarded, did not answer in time.',
  },
  MESH_ERR_DEVICE_TOKEN_LIMIT: {
    consequence: 'transient',
    meaning: 'The user holds as many login tokens as the device allows.',
  },
  MESH_ERR_DEVICE_UNAUTHENTICATED: {
    consequence: 'transient',
    meaning: 'The device does not accept its own fresh login token.',
  },
  MESH_ERR_DEVICE_UNREACHABLE: {
    consequence: 'transient',
    meaning: 'No connection to the management port, or it broke.',
  },
  MESH_ERR_KUBE_CONFIG: {
    consequence: 'invalid',
    meaning: 'The kubeconfig does not exist, cannot be read, or has no such context.',
  },
  MESH_ERR_KUBE_CONFLICT: {
    consequence: 'refused',
    meaning: 'Another writer changed the object first, or owns a field of it.',
  },
  MESH_ERR_KUBE_EXISTS: {
    consequence: 'refused',
    meaning: 'An object that was to be created exists already.',
  },
  MESH_ERR_KUBE_EXPIRED: {
    consequence: 'transient',
    meaning: 'The Kubernetes API server no longer holds the version that was asked for.',
  },
  MESH_ERR_KUBE_FORBIDDEN: {
    consequence: 'refused',
    meaning: 'The Kubernetes API server does not let this user do that.',
  },
  MESH_ERR_KUBE_INVALID: {
    consequence: 'refused',
    meaning: 'The Kubernetes API server refused an object or a request as malformed.',
  },
  MESH_ERR_KUBE_NOT_FOUND: {
    consequence: 'refused',
    meaning: 'An object that a write needs (often the namespace) does not exist.',
  },
  MESH_ERR_KUBE_NOT_SERVED: {
    consequence: 'refused',
    meaning: 'The Kubernetes API server does not know this kind in this version.',
  },
  MESH_ERR_KUBE_UNAUTHORIZED: {
    consequence: 'refused',
    meaning: 'The Kubernetes API server does not accept these credentials.',
  },
  MESH_ERR_KUBE_UNREACHABLE: {
    consequence: 'transient',
    meaning: 'The Kubernetes API server cannot be reached, is overloaded, or answers what is no answer.',
  },
  MESH_ERR_MESH_CRD_MISSING: {
    consequence: 'refused',
    meaning: 'The cluster serves none of the versions of an Istio kind that a registration is made of.',
  },
  MESH_ERR_MESH_FACTS: {
    consequence: 'refused',
    meaning: "A ConfigMap that states the mesh's facts exists but does not hold them.",
  },
  MESH_ERR_MESH_FOREIGN_OBJECT: {
    consequence: 'refused',
    meaning: 'A registration object has the name of one that somebody else made; it is not taken over.',
  },
  MESH_ERR_MESH_INVALID_OBJECT: {
    consequence: 'refused',
    meaning: 'A registration object breaks a rule of the API server or of istiod; nothing was written.',
  },
  MESH_ERR_MOCK_CLIENT_SSL: {
    consequence: 'refused',
    meaning: 'The mock BIG-IP cannot serve TLS with the certificate and key of a client SSL profile.',
  },
  MESH_ERR_MOCK_LISTEN: {
    consequence: 'refused',
    meaning: 'The mock BIG-IP cannot have the address that it should listen on.',
  },
  MESH_ERR_MOCK_STATE: {
    consequence: 'refused',
    meaning: 'The folder with the state of the mock BIG-IP cannot be read or written.',
  },
  MESH_ERR_RENEWAL_WAITS: {
    consequence: 'refused',
    meaning: 'A certificate was to be renewed outside of the maintenance windows of its device.',
  },
  MESH_ERR_ROOT_NEW: {
    consequence: 'transient',
    meaning:
      'The mesh CA signs under a root that the device does not accept yet; it is added with the next reconcile.',
  },
  MESH_ERR_ROOT_RECORD: {
    consequence: 'refused',
    meaning:
      'What the device remembers of a root of the mesh is gone or broken, so that it cannot be told whether it may go.',
  },
  MESH_ERR_ROOT_UNPUBLISHED: {
    consequence: 'refused',
    meaning: 'The mesh CA signs under a root that callers were not given, so none would accept the device.',
  },
  MESH_ERR_ROOTS_INVALID: {
    consequence: 'refused',
    meaning: 'A place that should hold root certificates of the mesh holds something else.',
  },
  MESH_ERR_ROOTS_MISSING: {
    consequence: 'refused',
    meaning: 'Nothing says which root certificates the mesh trusts.',
  },
  MESH_ERR_RULE_MISSING: {
    consequence: 'bug',
    meaning: 'The text of the iRule is not where the program looks for it.',
  },
  MESH_ERR_SVID_KEY_MISMATCH: {
    consequence: 'refused',
    meaning: 'An identity source gave a private key that does not belong to its certificate.',
  },
  MESH_ERR_SVID_MISSING: {
    consequence: 'refused',
    meaning: 'An identity source has no certificate for the service, or only half of one.',
  },
  MESH_ERR_SVID_NOT_VALID_NOW: {
    consequence: 'refused',
    meaning:
      'An identity source gave a certificate that has expired, is not valid yet, or ends before it begins.',
  },
  MESH_ERR_SVID_UNREADABLE: {
    consequence: 'refused',
    meaning: 'Where an identity source should have a certificate or a private key is something else.',
  },
  MESH_ERR_SVID_UNTRUSTED: {
    consequence: 'refused',
    meaning: 'A certificate from an identity source does not lead to the trust bundle that came with it.',
  },
  MESH_ERR_SVID_WRONG_IDENTITY: {
    consequence: 'refused',
    meaning:
      'A certificate from an identity source is no X509-SVID, or carries another SPIFFE ID than asked for.',
  },
  MESH_ERR_TCLSH_FAILED: {
    consequence: 'transient',
    meaning: 'The Tcl interpreter ended, or did not take the iRule, before it had decided.',
  },
  MESH_ERR_TCLSH_MISSING: {
    consequence: 'refused',
    meaning: 'There is no Tcl interpreter on this machine for the iRules of the mock BIG-IP.',
  },
  MESH_ERR_CREDENTIALS_MISSING: {
    consequence: 'refused',
    meaning: 'The Secret with the credentials of a device does not exist or lacks a key.',
  },
  MESH_ERR_INTERRUPTED: {
    consequence: 'transient',
    meaning: 'The command was interrupted; the message says what it had done by then.',
  },
  MESH_ERR_NOT_APPLIED: {
    consequence: 'refused',
    meaning: 'The service is not on the device yet, or its certificate is due for renewal.',
  },
  MESH_ERR_NOT_LEADER: {
    consequence: 'transient',
    meaning:
      'This replica may not write any more, because another one leads or may soon; nothing was changed.',
  },
  MESH_ERR_PLAN_BLOCKED: {
    consequence: 'refused',
    meaning:
      'An object that the agent did not make stands where one of its own should be; it is not touched.',
  },
  MESH_ERR_PLAN_OUTDATED: {
    consequence: 'transient',
    meaning: 'Another writer changed the device between reading and writing; the change was not made.',
  },
  MESH_ERR_PROOF_FAILED: {
    consequence: 'refused',
    meaning:
      'The device does not do on the wire what was installed. The service has its earlier certificate again if that is proven; otherwise the registration does not send callers to it.',
  },
  MESH_ERR_USAGE: { consequence: 'invalid', meaning: 'A flag or argument of the command line is wrong.' },
  MESH_ERR_WORKLOAD_API_DENIED: {
    consequence: 'transient',
    meaning: 'The SPIFFE Workload API knows no identity for the process of the agent, or not yet.',
  },
  MESH_ERR_WORKLOAD_API_REFUSED: {
    consequence: 'refused',
    meaning: 'Who answers at the address of the SPIFFE Workload API does not take the call.',
  },
  MESH_ERR_WORKLOAD_API_UNAVAILABLE: {
    consequence: 'transient',
    meaning: 'The SPIFFE Workload API cannot be reached or does not answer.',
  },
  MESH_ERR_BUG: {
    consequence: 'bug',
    meaning: 'The agent met a state that its code rules out; please report it.',
  },
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof errorCatalogue;

/**
 * An error that a person can act on: one line that names the thing, and the next step.
 *
 * Foreign errors are translated into this at the boundary and dropped; they are never attached as `cause`,
 * because HTTP client errors carry tokens and request bodies.
 */
export class AgentError extends Error {
  override readonly name = 'AgentError';
  readonly code: ErrorCode;
  /** What the reader should do next, as an imperative sentence without a full stop. */
  readonly nextStep: string;

  constructor(code: ErrorCode, message: string, nextStep: string) {
    super(message);
    this.code = code;
    this.nextStep = nextStep;
  }

  get consequence(): Consequence {
    return errorCatalogue[this.code].consequence;
  }
}
