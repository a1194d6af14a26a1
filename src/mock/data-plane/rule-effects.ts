import type { Effect } from '../tcl/rule-engine.js';
import type { CollectingStream } from './collecting-stream.js';
import type { HeldHandshake } from './held-handshake.js';
import { tclErrorMessage } from './log-line.js';
import type { RuleTimers } from './rule-timers.js';
import type { Statistics } from './statistics.js';

/** How a rule ends a connection. */
export type Ending = 'reset' | 'drop' | 'close';

/** What of a connection, and of the device around it, a rule can change. */
export interface RuleReach {
  readonly statistics: Statistics;
  readonly collecting: CollectingStream;
  readonly handshake: HeldHandshake;
  readonly timers: RuleTimers;
  readonly invalidateSession: () => void;
  /** Takes what goes to /var/log/ltm. */
  readonly log: (level: string, message: string) => void;
  /** Takes what `HSL::send` sends. */
  readonly logAtHighSpeed: (message: Extract<Effect, { readonly kind: 'high_speed_log' }>) => void;
}

/**
 * Does what rules asked for in one event, in order.
 *
 * @returns how they end the connection; undefined when it goes on
 */
export function carryOut(effects: readonly Effect[], reach: RuleReach): Ending | undefined {
  const { statistics, collecting, handshake, timers } = reach;
  let ending: Ending | undefined;
  for (const effect of effects) {
    switch (effect.kind) {
      case 'run':
        statistics.ruleEvent(effect.rule, effect.event).totalExecutions += 1;
        break;
      case 'log':
        reach.log(effect.level, effect.text);
        break;
      case 'error':
        statistics.ruleEvent(effect.rule, effect.event).failures += 1;
        reach.log('err', tclErrorMessage(effect));
        ending = 'reset';
        break;
      case 'reject':
        ending = 'reset';
        break;
      case 'drop':
      case 'close':
        ending ??= effect.kind;
        break;
      case 'invalidate':
        reach.invalidateSession();
        break;
      case 'count':
        statistics.setField(effect.profile, effect.field, effect.value);
        break;
      case 'verify_result':
        break;
      case 'high_speed_log':
        reach.logAtHighSpeed(effect);
        break;
      case 'handshake':
        handshake.set(effect.isHeld);
        break;
      case 'collect':
        collecting.collect(effect.length);
        break;
      case 'release':
        collecting.release(effect.length);
        break;
      case 'after':
        timers.start(effect);
        break;
      case 'cancel':
        timers.cancel(effect.id);
        break;
    }
  }
  return ending;
}
