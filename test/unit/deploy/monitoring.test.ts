import { strict as assert } from 'node:assert';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { metricCatalogue } from '../../../src/controller/metric-catalogue.js';
import type { MetricName } from '../../../src/controller/metric-catalogue.js';
import { repositoryRoot } from '../../support/shared-data.js';

const read = (name: string): string => readFileSync(join(repositoryRoot, 'deploy/chart/files', name), 'utf8');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

/** Labels that Prometheus adds to what it scrapes, and those of a histogram. */
const addedLabels = ['pod', 'le'];

function metricsIn(expression: string): Array<[name: MetricName, selector: string]> {
  return [...expression.matchAll(/\b(bigip_mesh_\w+)(?:\{([^}]*)\})?/g)].map(
    ([, found = '', selector = '']) => {
      const name = found.replace(/_(bucket|sum|count)$/, '');
      assert.ok(name in metricCatalogue, `${found} is no metric of the controller`);
      return [name as MetricName, selector];
    },
  );
}

/** Every metric exists, and every label that is selected or grouped by is one of them. */
function checkExpression(expression: string): void {
  const metrics = metricsIn(expression);
  assert.ok(metrics.length > 0, expression);
  for (const [name, selector] of metrics) {
    const labels: readonly string[] = [...metricCatalogue[name].labels, ...addedLabels];
    const selected = [...selector.matchAll(/(\w+)\s*[=!]~?/g)].map(([, label = '']) => label);
    const grouped = [...expression.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) =>
      list.split(/,\s*/),
    );
    for (const label of [...selected, ...grouped])
      assert.ok(labels.includes(label), `${name} has no label ${label}`);
  }
}

describe('what watches over the controller', () => {
  const groups = (parse(read('alerts.yaml')) as { groups: ReadonlyArray<{ rules: readonly Rule[] }> }).groups;
  const rules = groups.flatMap((group) => group.rules);

  for (const { alert, expr, labels, annotations } of rules) {
    it(`alerts by metrics that there are, and says what to do: ${alert}`, () => {
      checkExpression(expr);
      assert.match(labels.severity, /^(warning|critical)$/);
      assert.ok(annotations.summary.length > 20 && annotations.description.length > 20);
      const used = [...annotations.summary.matchAll(/\$labels\.(\w+)/g)].map(([, label = '']) => label);
      const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/,\s*/));
      for (const label of used) assert.ok(grouped.includes(label), `${alert}: ${label} is aggregated away`);
    });
  }

  it('draws a dashboard of metrics that there are', () => {
    const { panels } = JSON.parse(read('dashboard.json')) as {
      panels: ReadonlyArray<{ title: string; targets: ReadonlyArray<{ expr: string }> }>;
    };
    assert.ok(panels.length >= 10);
    for (const { targets } of panels) for (const { expr } of targets) checkExpression(expr);
  });

  it('leaves no metric of the controller without a panel or an alert', () => {
    const everything = read('alerts.yaml') + read('dashboard.json');
    const unseen = Object.keys(metricCatalogue).filter((name) => !everything.includes(name));
    assert.deepEqual(unseen, []);
  });
});
