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
      'A line or key cannot be read and was set aside; the note names it and says why. The other lines apply. While it ' +
      'is one of `deny`, the deny entries of before stay in force.',
  },
  ServiceFailed: {
    type: 'Warning',
    action: 'Reconcile',
    meaning:
      'The service is not as it should be, for half a minute or for a reason that does not pass by itself.',
  },
} as const satisfies Record<string, EventMeaning>;

export type EventReason = keyof typeof eventCatalogue;
