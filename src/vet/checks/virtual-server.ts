import { outlineRule } from '../../irule/rule-outline.js';
import { ruleName } from '../../reconcile/names.js';
import { isOwned } from '../../reconcile/ownership.js';
import type { Check, ServiceScope, Sighting } from '../check.js';
import { need, UnknownFact } from '../datum.js';
import type { Members } from '../facts.js';
import { canonicalIp } from '../addresses.js';
import { parseDestination } from '../../icontrol/destination.js';
import { renderEndpoint } from '../../config/endpoint.js';
import { clientSslOf, rulesOf, virtualOf } from '../virtual-server.js';

/** Commands with which another rule can let a caller past the allowlist, and what each does. */
const overriding: Readonly<Record<string, string>> = {
  'SSL::disable': 'turns TLS off',
  'SSL::authenticate': 'changes how often a certificate is asked for',
  'SSL::profile': 'puts another profile in place of the one of the agent',
  virtual: 'hands the connection to another virtual server',
};

/** The virtual server of a service. */
export const virtualServerChecks: readonly Check[] = [
  {
    code: 'BMV109',
    title: 'service that the device does not serve',
    about: 'service',
    level: 'error',
    why: 'Callers that are sent to the device find nobody, or somebody else, on that address.',
    mend: 'Run bigip-mesh apply, which makes the virtual server and proves it.',
    look: (scope) => {
      const virtual = virtualOf(scope.device, scope.deviceConfig, scope.config);
      const object = `virtual server /${scope.deviceConfig.partition}/${scope.config.name}`;
      if (virtual === undefined) return [{ object, seen: 'it does not exist' }];
      const destination = parseDestination(String(virtual['destination']));
      const { listen } = scope.config;
      const isElsewhere =
        !destination.ok ||
        canonicalIp(destination.value.address) !== canonicalIp(listen.address) ||
        destination.value.port !== listen.port;
      return [
        ...(virtual['disabled'] === true ? [{ object, seen: 'it is disabled' }] : []),
        ...(isElsewhere
          ? [
              {
                object,
                seen: `it listens on ${String(virtual['destination'])}, the config file says ${renderEndpoint(listen)}`,
              },
            ]
          : []),
        ...(clientSslOf(scope.device, virtual).length === 0
          ? [{ object, seen: 'it has no client SSL profile of the agent' }]
          : []),
      ];
    },
  },
  {
    code: 'BMV110',
    title: 'allowlist rule that does not decide first',
    about: 'service',
    level: 'error',
    why: 'Without the rule everybody of the mesh gets in; a rule in front of it may decide otherwise before it runs.',
    mend: `Put ${ruleName} first in the rules of the virtual server; bigip-mesh apply does.`,
    look: (scope) => {
      const { virtual, object } = served(scope);
      const own = `/${scope.deviceConfig.partition}/${ruleName}`;
      const rules = rulesOf(virtual);
      if (!rules.includes(own)) return [{ object, seen: `${own} is not among its rules` }];
      const rule = need(scope.device.rules.get(own) ?? { state: 'absent' });
      const found: Sighting[] =
        rule !== undefined && !isOwned({ kind: 'ltm/rule', name: ruleName, members: rule })
          ? [{ object: `iRule ${own}`, seen: 'it was not written by the agent' }]
          : [];
      if (rules[0] !== own)
        found.push({ object, seen: `${rules[0] ?? ''} runs before ${own}`, level: 'warning' });
      return found;
    },
  },
  {
    code: 'BMV111',
    title: 'another rule that lets callers past the verification',
    about: 'service',
    level: 'error',
    why: 'SSL::verify_result can be set: a rule that sets it to 0 turns a certificate that failed verification into a good one, for the allowlist rule too. The other commands named take TLS, the profile or the connection out of its hands.',
    mend: 'Remove the command, or the rule from this virtual server.',
    look: lookAtOtherRules,
  },
];

function served(scope: ServiceScope): { readonly virtual: Members; readonly object: string } {
  const virtual = virtualOf(scope.device, scope.deviceConfig, scope.config);
  if (virtual === undefined)
    throw new UnknownFact({ reason: `the device does not serve ${scope.config.name} yet` });
  return { virtual, object: `virtual server ${String(virtual['fullPath'])}` };
}

function lookAtOtherRules(scope: ServiceScope): readonly Sighting[] {
  const { virtual } = served(scope);
  const own = `/${scope.deviceConfig.partition}/${ruleName}`;
  return rulesOf(virtual)
    .filter((path) => path !== own)
    .flatMap((path): Sighting[] => {
      const rule = need(scope.device.rules.get(path) ?? { state: 'absent' });
      const text = rule?.['apiAnonymous'];
      if (typeof text !== 'string') return [];
      const object = `iRule ${path}`;
      const { commands, syntaxErrors } = outlineRule(text);
      const seen = commands.flatMap(({ command, name, place }) => {
        const where = place.event === undefined ? '' : ` in ${place.event}`;
        const [, argument, ...more] = command.words;
        if (name === 'SSL::verify_result' && argument !== undefined)
          return [`it sets SSL::verify_result to ${argument.text}${where}`];
        if (name === 'event' && [argument, ...more].some((word) => word?.text === 'disable'))
          return [`it disables events${where}`];
        if (name === 'SSL::cert' && argument?.text === 'mode')
          return [`it changes what certificate is asked for${where}`];
        if (name === 'virtual' && argument?.text === 'name') return [];
        const does = overriding[name];
        return does === undefined || (argument === undefined && name !== 'SSL::disable')
          ? []
          : [`it ${does} (${name})${where}`];
      });
      // What cannot be taken apart may hold anything.
      if (syntaxErrors.length > 0 && seen.length === 0 && text.includes('SSL::')) {
        return [{ object, seen: 'it uses SSL:: commands and cannot be taken apart', level: 'warning' }];
      }
      return seen.map((line) => ({ object, seen: line }));
    });
}
