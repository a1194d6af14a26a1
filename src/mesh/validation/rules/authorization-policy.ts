import { fieldsAt, has, listAt, objectsAt, textAt, textsAt } from '../fields.js';
import { Findings, webhook } from '../problem.js';
import type { Problem } from '../problem.js';
import type { Fields } from '../structural-schema.js';
import { checkPolicyScope } from './policy-scope.js';
import { checkCondition, checkIps, checkOperation, checkTexts } from './authorization-conditions.js';

/**
 * Source: I:pkg/config/validation/validation.go, `ValidateAuthorizationPolicy`; I:pkg/config/security/security.go; the
 * definition's CEL rules.
 */
export function checkAuthorizationPolicy(object: Fields): Problem[] {
  const findings = new Findings(webhook);
  const spec = fieldsAt(object, 'spec');
  if (spec === undefined) return findings.problems;
  const action = textAt(spec, 'action') || 'ALLOW';
  checkPolicyScope(spec, findings);
  if (['DENY', 'CUSTOM'].includes(action) && listAt(spec, 'rules').length === 0) {
    findings.error(
      'spec.rules',
      `${action} action without \`rules\` is meaningless as it will never be triggered, ` +
        'add an empty rule `{}` if you want it be triggered for every request',
    );
  }
  if (action === 'CUSTOM') {
    if (textAt(fieldsAt(spec, 'provider'), 'name') === '') {
      findings.error('spec.provider.name', '`provider.name` must not be empty');
    }
  } else if (has(spec, 'provider')) {
    findings.error('spec.provider', `\`provider\` must not be with non CUSTOM action, found ${action}`);
  }
  for (const [index, rule] of objectsAt(spec, 'rules')) {
    const path = `spec.rules[${index}]`;
    checkRule(rule, path, findings);
    if (action === 'CUSTOM') checkCustomRule(rule, path, findings);
  }
  return findings.problems;
}

function checkRule(rule: Fields, path: string, findings: Findings): void {
  for (const part of ['from', 'to'] as const) {
    if (has(rule, part) && listAt(rule, part).length === 0) {
      findings.error(`${path}.${part}`, `\`${part}\` cannot be empty`);
    }
  }
  for (const [index, from] of objectsAt(rule, 'from')) {
    const where = `${path}.from[${index}].source`;
    const source = fieldsAt(from, 'source');
    if (source === undefined) findings.error(where, '`from.source` cannot be nil');
    else checkSource(source, where, findings);
  }
  for (const [index, to] of objectsAt(rule, 'to')) {
    const where = `${path}.to[${index}].operation`;
    const operation = fieldsAt(to, 'operation');
    if (operation === undefined) findings.error(where, '`to.operation` cannot be nil');
    else checkOperation(operation, where, findings);
  }
  for (const [index, condition] of objectsAt(rule, 'when')) {
    checkCondition(condition, `${path}.when[${index}]`, findings);
  }
}

function checkSource(source: Fields, path: string, findings: Findings): void {
  checkTexts(source, path, findings);
  for (const name of ['ipBlocks', 'notIpBlocks', 'remoteIpBlocks', 'notRemoteIpBlocks']) {
    checkIps(textsAt(source, name), `${path}.${name}`, findings);
  }
  const accounts = [...textsAt(source, 'serviceAccounts'), ...textsAt(source, 'notServiceAccounts')];
  const named = ['principals', 'notPrincipals', 'namespaces', 'notNamespaces'].some((name) =>
    has(source, name),
  );
  if ((has(source, 'serviceAccounts') || has(source, 'notServiceAccounts')) && named) {
    findings.error(path, 'Invalid value: Cannot set serviceAccounts with namespaces or principals');
  }
  for (const account of accounts) {
    const parts = account.split('/');
    if (account.includes('*')) {
      findings.error(`${path}.serviceAccounts`, `no wildcard is supported in serviceAccounts: "${account}"`);
    } else if (parts.length > 2 || parts.includes('')) {
      findings.error(`${path}.serviceAccounts`, `expected format [NAMESPACE/]NAME, got "${account}"`);
    }
  }
}

/** An external authorizer is asked about the request alone, before any identity is established. */
function checkCustomRule(rule: Fields, path: string, findings: Findings): void {
  const identities = ['namespaces', 'principals', 'requestPrincipals', 'serviceAccounts'];
  const negated = identities.map((name) => `not${name.slice(0, 1).toUpperCase()}${name.slice(1)}`);
  for (const [index, from] of objectsAt(rule, 'from')) {
    for (const name of [...identities, ...negated]) {
      if (!has(fieldsAt(from, 'source'), name)) continue;
      findings.error(
        `${path}.from[${index}].source.${name}`,
        `${name} is currently not supported with CUSTOM action`,
      );
    }
  }
  for (const [index, condition] of objectsAt(rule, 'when')) {
    const key = textAt(condition, 'key');
    if (/^(source\.(namespace|principal|serviceAccount)$|request\.auth\.)/.test(key)) {
      findings.error(`${path}.when[${index}].key`, `${key} is currently not supported with CUSTOM action`);
    }
  }
}
