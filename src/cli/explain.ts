import { readFile } from 'node:fs/promises';
import type { X509Certificate } from 'node:crypto';
import { AgentError } from '../errors.js';
import { renderPlace } from '../allowlist/render-place.js';
import { loadAllowlistFile, trustDomainsNamed } from '../explain/allowlist-file.js';
import { certificateForId } from '../explain/certificate-for-id.js';
import { findCertificateFiles, loadCertificateFile } from '../explain/certificate-file.js';
import { CoreEngine } from '../explain/core-engine.js';
import { explain, noCertificate } from '../explain/explain.js';
import type { Admission, Explanation } from '../explain/explain.js';
import { explanationJson, renderReason } from '../explain/render-explanation.js';
import { RuleInTcl } from '../explain/rule-in-tcl.js';
import { tlsObjection } from '../explain/tls-objection.js';
import type { Engine, EngineName } from '../explain/verdict.js';
import { loadRule } from '../irule/load-rule.js';
import { parseCertificatesPem } from '../pki/pem.js';
import { admissionLack, readAllowlist } from '../reconcile/read-allowlist.js';
import { parseSpiffeId } from '../spiffe/spiffe-id.js';
import { parseTrustDomain } from '../spiffe/trust-domain.js';
import { systemErrorCode } from '../system-error.js';
import type { CliContext, ExitCode, GlobalFlags } from './context.js';
import { serviceNamed, withAgent } from './open-agent.js';
import type { Output } from './output.js';

interface ExplainFlags {
  readonly cert?: readonly string[];
  readonly allowlist?: string;
  readonly service?: string;
  readonly file?: string;
  readonly engine: EngineName | 'both';
  readonly trustDomain?: readonly string[];
  readonly trustBundle?: string;
}

type Flags = ExplainFlags & GlobalFlags;

/** Who may call by what was given, and where that stands. */
interface NamedAdmission extends Admission {
  readonly name: string;
  readonly trustDomainsFrom: string;
}

/** A caller: a file with its certificate, or an ID alone, which has no file. */
interface Subject {
  readonly file: string | undefined;
  readonly explanation: Explanation;
}

/** `explain`: whether callers get in, by which entry, or why not. Nothing is written anywhere. */
export async function runExplain(context: CliContext, flags: Flags, spiffeId: string): Promise<ExitCode> {
  const { output } = context;
  if ((spiffeId === '') === (flags.cert === undefined))
    throw usage('explain needs a SPIFFE ID or --cert, and not both');
  const files = (await Promise.all((flags.cert ?? []).map(findCertificateFiles))).flat();
  const roots = flags.trustBundle === undefined ? undefined : await loadRoots(flags.trustBundle);
  const admission = await findAdmission(context, flags);
  const rule = flags.engine === 'core' ? undefined : await startRule(admission);
  try {
    const core = new CoreEngine(admission.allowlist, admission.trustDomains);
    const engines: [Engine, Engine?] =
      rule === undefined ? [core] : flags.engine === 'rule' ? [rule] : [rule, core];
    const now = context.clock.now();
    const subjects =
      flags.cert === undefined
        ? explainId(spiffeId, engines, admission, now)
        : explainFiles(files, engines, admission, { now, roots });
    printAdmission(output, admission);
    const disagreements: string[] = [];
    for await (const { file, explanation } of subjects) {
      printExplanation(output, file ?? spiffeId, explanation, admission.name);
      output.json(explanationJson(file, explanation));
      if (explanation.engines !== undefined) disagreements.push(file ?? spiffeId);
    }
    if (files.length > 0 && roots === undefined)
      output.progress("The chain was not checked; give the mesh's roots with --trust-bundle.");
    if (disagreements.length === 0) return 0;
    output.error(`the rule and the TypeScript decision disagree about ${disagreements.join(', ')}`);
    return 1;
  } finally {
    await rule?.close();
  }
}

async function* explainId(
  spiffeId: string,
  engines: readonly [Engine, Engine?],
  admission: Admission,
  now: Date,
): AsyncGenerator<Subject> {
  const explanation = await explain(await certificateForId(spiffeId, now), engines, admission);
  const parsed = parseSpiffeId(spiffeId);
  const detail = parsed.ok ? {} : { detail: parsed.reason };
  yield { file: undefined, explanation: { ...explanation, ...detail } };
}

async function* explainFiles(
  files: readonly string[],
  engines: readonly [Engine, Engine?],
  admission: Admission,
  tls: Parameters<typeof tlsObjection>[1],
): AsyncGenerator<Subject> {
  for (const file of files) {
    const caller = await loadCertificateFile(file);
    const explanation =
      caller === undefined
        ? noCertificate
        : await explain(caller.der, engines, admission, tlsObjection(caller, tls));
    yield { file, explanation };
  }
}

async function startRule({ allowlist, trustDomains }: Admission): Promise<RuleInTcl> {
  return RuleInTcl.start({ allowlist, trustDomains, ruleText: await loadRule() });
}

async function findAdmission(context: CliContext, flags: Flags): Promise<NamedAdmission> {
  const { allowlist: file, service } = flags;
  if ((file === undefined) === (service === undefined))
    throw usage('explain needs --allowlist FILE or --service NAME, and not both');
  const found = service === undefined ? undefined : await readFromCluster(context, flags, service);
  const allowlist = found?.allowlist ?? (await loadAllowlistFile(file ?? ''));
  const name = found?.name ?? file ?? '';
  if (flags.trustDomain !== undefined) {
    const trustDomains = flags.trustDomain.map(requireTrustDomain);
    return { allowlist, name, trustDomains, trustDomainsFrom: 'as given' };
  }
  if (found !== undefined)
    return { allowlist, name, trustDomains: found.trustDomains, trustDomainsFrom: "the mesh's" };
  const trustDomains = trustDomainsNamed(allowlist);
  return { allowlist, name, trustDomains, trustDomainsFrom: 'those of the allow entries' };
}

/** Bad lines are set aside and named, as the controller does it: what is left is what applies. */
function readFromCluster(
  context: CliContext,
  flags: Flags,
  name: string,
): Promise<Omit<NamedAdmission, 'trustDomainsFrom'>> {
  const { file } = flags;
  if (file === undefined) throw usage('--service needs the config file, -f FILE');
  return withAgent(context, { ...flags, file }, async (agent) => {
    const service = serviceNamed(agent, name);
    const { meshFacts } = agent;
    const read = await readAllowlist(agent.kube, service, meshFacts, context.signal);
    const { allowlist, refusals } = read;
    for (const refusal of refusals) {
      context.output.error(`set aside: ${renderPlace(refusal)}: ${refusal.reason}`);
    }
    if (read.problem !== undefined) context.output.error(read.problem.message);
    const lack = admissionLack(allowlist.allow.length, read.configMaps.length, read.policies);
    if (lack !== undefined) context.output.error(`${name}: ${lack}`);
    const { trustDomain, trustDomainAliases } = meshFacts;
    return { allowlist, name, trustDomains: [trustDomain, ...trustDomainAliases] };
  });
}

async function loadRoots(file: string): Promise<readonly X509Certificate[]> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw usage(`${file} cannot be read (${systemErrorCode(error)})`);
  });
  const roots = parseCertificatesPem(text);
  if (!roots.ok) throw usage(`${file} is no trust bundle: ${roots.reason}`);
  if (roots.value.length === 0) throw usage(`${file} is no trust bundle: it is empty`);
  return roots.value;
}

function requireTrustDomain(text: string): string {
  const parsed = parseTrustDomain(text);
  if (!parsed.ok) throw usage(`--trust-domain "${text}": ${parsed.reason}`);
  return parsed.value;
}

function printAdmission(output: Output, { allowlist, trustDomains, trustDomainsFrom }: NamedAdmission): void {
  output.line(
    trustDomains.length === 0
      ? 'trust domains: none, because no entry allows anybody'
      : `trust domains: ${trustDomains.join(', ')} (${trustDomainsFrom})`,
  );
  if (allowlist.mode === 'audit')
    output.line('mode: audit (the device lets pass and logs whom it would reject as denied or not-listed)');
}

function printExplanation(
  output: Output,
  name: string,
  explanation: Explanation,
  allowlistName: string,
): void {
  const { decision, spiffeId } = explanation;
  const word = output.style(decision === 'allow' ? 'green' : 'red', decision.padEnd(6));
  const id = name === spiffeId ? '' : `  ${spiffeId ?? '-'}`;
  output.line(`${word}  ${name}${id}  ${renderReason(explanation, allowlistName)}`);
}

function usage(message: string): AgentError {
  return new AgentError('MESH_ERR_USAGE', message, 'see bigip-mesh explain --help');
}
