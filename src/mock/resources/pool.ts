import type { ResourceKind } from './resource-kind.js';
import { defaulted, member } from './resource-kind.js';
import { monitorRule } from './monitor.js';
import { poolMember } from './pool-member.js';
import { enabledDisabled, integer, metadata, numberOr, oneOf, text, yesNo } from './value-type.js';

const packetMark = numberOr('pass-through', 'mimic');

/** `ltm/pool`: the servers behind a virtual server. */
export const pool: ResourceKind = {
  path: 'ltm/pool',
  title: 'Pool',
  mcpdName: 'pool',
  naming: 'partitioned',
  operations: ['create', 'modify', 'delete'],
  members: [
    defaulted('allowNat', yesNo, 'yes'),
    defaulted('allowSnat', yesNo, 'yes'),
    member('description', text),
    defaulted('ignorePersistedWeight', enabledDisabled, 'disabled'),
    defaulted('ipTosToClient', packetMark, 'pass-through'),
    defaulted('ipTosToServer', packetMark, 'pass-through'),
    defaulted('linkQosToClient', packetMark, 'pass-through'),
    defaulted('linkQosToServer', packetMark, 'pass-through'),
    defaulted(
      'loadBalancingMode',
      oneOf(
        'round-robin',
        'ratio-member',
        'ratio-node',
        'ratio-session',
        'ratio-least-connections-member',
        'ratio-least-connections-node',
        'least-connections-member',
        'least-connections-node',
        'least-sessions',
        'dynamic-ratio-member',
        'dynamic-ratio-node',
        'fastest-app-response',
        'fastest-node',
        'observed-member',
        'observed-node',
        'predictive-member',
        'predictive-node',
        'weighted-least-connections-member',
        'weighted-least-connections-node',
      ),
      'round-robin',
    ),
    defaulted('minActiveMembers', integer(), 0),
    defaulted('minUpMembers', integer(), 0),
    defaulted('minUpMembersAction', oneOf('failover', 'reboot', 'restart-all'), 'failover'),
    defaulted('minUpMembersChecking', enabledDisabled, 'disabled'),
    member('monitor', monitorRule),
    defaulted('queueDepthLimit', integer(), 0),
    defaulted('queueOnConnectionLimit', enabledDisabled, 'disabled'),
    defaulted('queueTimeLimit', integer(), 0),
    defaulted('reselectTries', integer(), 0),
    defaulted('serviceDownAction', oneOf('none', 'drop', 'reselect', 'reset'), 'none'),
    defaulted('slowRampTime', integer(), 10),
    member('metadata', metadata),
  ],
  subcollections: [{ name: 'members', kind: poolMember }],
};
