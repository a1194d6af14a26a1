import { hostname } from 'node:os';
import { loadConfig } from '../config/load-config.js';
import { AgentError } from '../errors.js';
import { KubeClient } from '../kube/client.js';
import { locateConfig } from '../vet/config-lines.js';
import { readFacts } from '../vet/read/read-facts.js';
import { checks } from '../vet/registry.js';
import { runChecks } from '../vet/run-checks.js';
import { renderSarif } from '../vet/sarif.js';
import type { VetReport } from '../vet/check.js';
import { listedKinds } from '../vet/facts.js';
import type { Facts } from '../vet/facts.js';
import type { CliContext, ExitCode, GlobalFlags } from './context.js';
import { findingsAsJson, printFindings } from './render-findings.js';
import type { FailOn, VetFlags } from './vet-flags.js';
import { version } from './version.js';

/**
 * `vet`: misconfigurations of mesh, cluster and device. Only reads; what cannot be read is unknown and named.
 *
 * Works without a cluster, without a device and without both, as far as there is something to judge by.
 */
export async function runVet(
  { output, clock, logger, signal }: CliContext,
  // Commander hands over what its choices allow.
  flags: Omit<GlobalFlags, 'output'> & VetFlags,
): Promise<ExitCode> {
  const config = await loadConfig(flags.file);
  const kube = openCluster(flags);
  try {
    const facts = await readFacts({
      config,
      kube,
      clock,
      logger,
      signal,
      holder: `${hostname()}/vet`,
      onStep: (step) => output.progress(step),
    });
    const report = runChecks(checks, facts);
    if (flags.output === 'sarif') {
      const lines = await locateConfig(flags.file);
      output.json(renderSarif(report, { checks, version: version(), configFile: flags.file, lines }));
    } else {
      printFindings(output, report);
      output.json(findingsAsJson(report));
    }
    if (isBlind(facts)) {
      output.error('neither the cluster nor a device could be read: nothing of what they hold was judged');
      return 1;
    }
    return hasFailed(report, flags.failOn) ? 1 : 0;
  } finally {
    if (kube instanceof KubeClient) await kube.close();
  }
}

/** A cluster that somebody named has to be one; without any the device is still looked at. */
function openCluster({
  kubeconfig,
  context,
}: Pick<GlobalFlags, 'kubeconfig' | 'context'>): KubeClient | AgentError {
  try {
    return new KubeClient({
      ...(kubeconfig === undefined ? {} : { path: kubeconfig }),
      ...(context === undefined ? {} : { context }),
    });
  } catch (error) {
    const isNamed = kubeconfig !== undefined || context !== undefined;
    if (isNamed || !(error instanceof AgentError)) throw error;
    return error;
  }
}

/** Whether there was nobody to ask; that is no success, whatever was asked for. */
function isBlind({ cluster, devices }: Facts): boolean {
  return (
    listedKinds.every((kind) => cluster[kind].state === 'unknown') &&
    [...devices.values()].every(({ version }) => version.state === 'unknown')
  );
}

function hasFailed({ findings, unknown }: VetReport, failOn: FailOn): boolean {
  const has = (level: string): boolean => findings.some((finding) => finding.level === level);
  if (has('error')) return true;
  if (failOn === 'error') return false;
  return has('warning') || (failOn === 'unknown' && unknown.length > 0);
}
