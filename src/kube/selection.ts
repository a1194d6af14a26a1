import type { KubeKind } from './object.js';

/** Which objects of a kind; without a namespace those of all namespaces. */
export interface Selection {
  readonly namespace?: string | undefined;
  /** `a=b,c in (d,e)` */
  readonly labelSelector?: string | undefined;
  /** `metadata.name=istio` */
  readonly fieldSelector?: string | undefined;
}

/** `configmaps in default (a=b)`, as errors name what was asked for. */
export function describeSelection(
  kind: KubeKind,
  { namespace, labelSelector, fieldSelector }: Selection,
): string {
  const where = namespace === undefined ? '' : ` in ${namespace}`;
  const which = [labelSelector, fieldSelector].filter((part) => part !== undefined).join(' ');
  return `${kind.plural}${where}${which === '' ? '' : ` (${which})`}`;
}
