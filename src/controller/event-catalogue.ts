interface EventMeaning {
  readonly type: 'Normal' | 'Warning';
  /** What the agent was doing. */
  readonly action: string;
  readonly meaning: string;
}

/** Every reason of the agent's Events; docs/reference/events.md is written from this. */
export const eventCatalogue = {
  AllowlistApplied: {
    type: 'Normal',
    action: 'Reconcile',
    meaning: 'A change of who may call is on the device and was proven on the wire; the note lists it.',
  },
  AllowlistRefused: {
    type: 'Warning',
    action: 'ReadAllowlist',
    meaning:
      'A line or key of a ConfigMap cannot be read, or a device cannot enforce a part of an AuthorizationPolicy; it was ' +
      'set aside, and the note names it and says why. The rest applies. While it is a line of `deny`, the deny entries ' +
      'of before stay in force.',
  },
  AllowlistShrunk: {
    type: 'Warning',
    action: 'Reconcile',
    meaning:
      'An edit or deletion takes all allow entries of a service away, or half of them and at least ten. It applies at ' +
      'once; this is to be noticed when it was a mistake.',
  },
  CertificateRolledBack: {
    type: 'Warning',
    action: 'Reconcile',
    meaning:
      'A new certificate did not pass its proof on the wire, and the service has its earlier one again; the note says ' +
      'whether that is proven. A new one is tried later; ServiceFailed goes with it until one is proven.',
  },
  DriftRepaired: {
    type: 'Warning',
    action: 'Reconcile',
    meaning:
      'Somebody else changed or removed an object of the agent on the device, and it was put back; the note names the ' +
      'object and its members. Told on the allowlist ConfigMaps of the service; for what services share, on the status.',
  },
  RenewalOverdue: {
    type: 'Warning',
    action: 'Reconcile',
    meaning:
      'A quarter, or a tenth, of the lifetime of a certificate is left, or less, and it is not renewed although it is due; the ' +
      'note says when it expires and what is in the way.',
  },
  RevocationListProblem: {
    type: 'Warning',
    action: 'Reconcile',
    meaning:
      'A CRL that the mesh publishes cannot be read or is not taken, so that the ones of before stay in force; or one in ' +
      'force has expired, or a CA has none. The note says which and why. Told on the status ConfigMap.',
  },
  RevocationListsChanged: {
    type: 'Normal',
    action: 'Reconcile',
    meaning:
      'Other CRLs are in force on the device, or none any more, because the mesh publishes none. Told on the status ' +
      'ConfigMap.',
  },
  RootRotation: {
    type: 'Normal',
    action: 'Reconcile',
    meaning:
      'A root of the mesh was added to the device, was proven there, is retiring, or was removed; the note names it and ' +
      'says why. Told on the status ConfigMap.',
  },
  RootSetAside: {
    type: 'Warning',
    action: 'Reconcile',
    meaning:
      'A certificate among the roots of the mesh is no root, or is there twice; it was set aside, the others are in use, and ' +
      'the note names it and its place. Told on the status ConfigMap.',
  },
  ServiceFailed: {
    type: 'Warning',
    action: 'Reconcile',
    meaning:
      'The service is not as it should be, for half a minute or for a reason that does not pass by itself.',
  },
} as const satisfies Record<string, EventMeaning>;

export type EventReason = keyof typeof eventCatalogue;
