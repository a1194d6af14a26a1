import type { AllowlistRefusal } from '../allowlist/allowlist.js';
import type { KubeKind } from '../kube/object.js';

/** An object that says who may call, as it was last seen; Events are told on it. */
export interface HeldSource {
  readonly kind: KubeKind;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** What of it was set aside and changes who may call; of a policy, for one service. */
  readonly refusals: readonly AllowlistRefusal[];
  /** Whether that lets deny entries of before stay in force. */
  readonly isDenyKept: boolean;
}
