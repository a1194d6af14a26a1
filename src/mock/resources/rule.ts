import type { ResourceKind } from './resource-kind.js';
import { member, readOnly } from './resource-kind.js';
import { record, text } from './value-type.js';

/** `ltm/rule`: an iRule. Its text is `apiAnonymous`, which an empty rule does not show. */
export const rule: ResourceKind = {
  path: 'ltm/rule',
  title: 'iRule',
  mcpdName: 'rule',
  naming: 'partitioned',
  operations: ['create', 'modify', 'delete'],
  members: [
    member('apiAnonymous', text),
    readOnly('apiRawValues', record({ verificationStatus: { type: text } })),
    member('description', text),
  ],
};
