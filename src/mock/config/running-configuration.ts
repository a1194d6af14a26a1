import type { DataPlane, DataPlaneConfiguration, RuleLoadError } from '../data-plane/configuration.js';
import type { ChangeContext, Health } from '../resources/resource-kind.js';
import type { ResourceTable } from '../resources/resource-table.js';
import type { TmosVersion } from '../tmos-version.js';
import { applyCommand } from './change.js';
import type { Changed } from './change.js';
import type { Command } from './command.js';
import type { Configuration } from './configuration.js';
import { deriveDataPlane } from './derive-data-plane.js';
import { validate } from './integrity/validate.js';
import { mcpdRefusal } from './refusal.js';
import { findBraceError } from './rule-braces.js';

interface RunningConfigurationOptions {
  readonly initial: Configuration;
  readonly table: ResourceTable;
  readonly tmos: TmosVersion;
  readonly dataPlane?: DataPlane;
  /** What the data plane gets in place of what the configuration means; `served` is what it got last. */
  readonly traffic?: (
    served: DataPlaneConfiguration,
    wanted: DataPlaneConfiguration,
  ) => DataPlaneConfiguration;
  /** What the monitors found out. */
  readonly health?: Health;
  /** Told what runs, each time that the data plane got it. */
  readonly onHandOver?: (configuration: Configuration) => void;
  /** Told after each change that was adopted. */
  readonly onChange?: () => void;
}

/** What mcpd is: the one place where the configuration changes, one change at a time, as a whole or not at all. */
export class RunningConfiguration {
  #current: Configuration;
  #previous: Configuration;
  #served: DataPlaneConfiguration = { virtualServers: [], dataGroups: [] };
  #tail: Promise<unknown> = Promise.resolve();
  readonly #options: RunningConfigurationOptions;

  constructor(options: RunningConfigurationOptions) {
    this.#options = options;
    this.#current = options.initial;
    this.#previous = options.initial;
  }

  get current(): Configuration {
    return this.#current;
  }

  /** As it was before the last change. */
  get previous(): Configuration {
    return this.#previous;
  }

  /**
   * Applies commands in order, judges the outcome, hands it to the data plane, and only then shows it.
   *
   * @throws Refusal; the configuration is then what it was.
   */
  change(commands: readonly Command[], context: ChangeContext, validateOnly = false): Promise<Changed> {
    return this.#serialize(async () => {
      const before = this.#current;
      let changed: Changed = { configuration: before };
      for (const command of commands) changed = applyCommand(changed.configuration, command, context);
      await this.#judge(before, changed.configuration);
      if (validateOnly) return changed;
      await this.#adopt(changed.configuration);
      this.#options.onChange?.();
      return changed;
    });
  }

  /** Puts a whole configuration in place, as loading a saved one or a config-sync does. */
  replace(configuration: (current: Configuration) => Configuration): Promise<void> {
    return this.#serialize(() => this.#adopt(configuration(this.#current)));
  }

  /** Hands what runs to the data plane once more, after something besides the configuration changed. */
  refreshTraffic(): Promise<void> {
    return this.#serialize(() => this.#handOver(this.#current));
  }

  #serialize<T>(job: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(job);
    this.#tail = result.catch(() => undefined);
    return result;
  }

  async #judge(before: Configuration, after: Configuration): Promise<void> {
    const { table, tmos } = this.#options;
    validate(before, after, table, tmos);
    for (const object of after.list('ltm/rule')) {
      const fullPath = object.name.fullPath;
      const text = object.own['apiAnonymous'];
      if (typeof text !== 'string' || before.get('ltm/rule', fullPath)?.own['apiAnonymous'] === text)
        continue;
      const errors = await this.#checkRule(fullPath, text);
      if (errors.length > 0) throw ruleRefusal(fullPath, errors);
    }
  }

  async #checkRule(fullPath: string, text: string): Promise<readonly RuleLoadError[]> {
    const { dataPlane } = this.#options;
    if (dataPlane !== undefined) return dataPlane.checkRule({ fullPath, text });
    const error = findBraceError(text);
    return error === undefined ? [] : [error];
  }

  async #adopt(configuration: Configuration): Promise<void> {
    try {
      await this.#handOver(configuration);
    } catch (error) {
      await this.#handOver(this.#current).catch(() => undefined);
      throw error;
    }
    this.#previous = this.#current;
    this.#current = configuration;
  }

  async #handOver(configuration: Configuration): Promise<void> {
    const { dataPlane, table, tmos, traffic, health, onHandOver } = this.#options;
    if (dataPlane === undefined) return;
    const wanted = deriveDataPlane(configuration, table, tmos, health);
    const given = traffic === undefined ? wanted : traffic(this.#served, wanted);
    await dataPlane.apply(given);
    this.#served = given;
    onHandOver?.(configuration);
  }
}

function ruleRefusal(fullPath: string, errors: readonly RuleLoadError[]) {
  const lines = errors.map(({ line, kind, source }) => `${fullPath}:${line}: error: [${kind}][${source}]`);
  return mcpdRefusal('01070151', `Rule [${fullPath}] error: ${lines.join('\n')}`);
}
