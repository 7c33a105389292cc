import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parser } from '@prometheus-io/lezer-promql';
import { parse } from 'yaml';
import { callOutcomes } from '../../src/access/call-outcome.ts';
import { quotaFamilies } from '../../src/access/quota-families.ts';
import { metricsToken, readMetrics } from '../support/metrics.ts';
import { root } from '../support/process.ts';
import { startTurntable } from '../support/turntable.ts';

const read = (name: string) => readFileSync(join(root, 'docs/operations', name), 'utf8');

type Rule = { alert: string; expr: string; annotations: { summary: string; runbook: string } };
const rules = (parse(read('alerts.yml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);

type Panel = { id: number; title: string; datasource: { uid: string }; targets: { expr: string }[] };
const { panels } = JSON.parse(read('dashboard.json')) as { panels: Panel[] };

const runbook = read('runbook.md');
const sections = new Map(
  runbook.split(/^## /m).map((section) => [section.split('\n', 1)[0] ?? '', section] as const),
);

/** The metrics and labels that Prometheus itself adds. */
const fromPrometheus = { metrics: ['up'], labels: ['job', 'instance', 'le'] };

type Query = {
  metrics: string[];
  labels: string[];
  /** The values that a label is compared with. */
  values: { label: string; value: string }[];
};

/** Parses an expression of PromQL. Throws if it isn't one. */
function parseQuery(source: string): Query {
  // Grafana puts a duration in its place.
  const text = source.replaceAll('$__rate_interval', '5m');
  const query: Query = { metrics: [], labels: [], values: [] };
  parser.parse(text).iterate({
    enter({ type, from, to, node }) {
      if (type.isError) throw new Error(`No PromQL at ${from}: ${source}`);
      const found = text.slice(from, to);
      if (type.name === 'Identifier' && node.parent?.type.name === 'VectorSelector')
        query.metrics.push(found);
      if (type.name === 'LabelName') query.labels.push(found);
      if (type.name !== 'UnquotedLabelMatcher') return;
      const [, label = '', pattern = ''] = /^(\w+)\W+"(.*)"$/.exec(found) ?? [];
      query.values.push(...pattern.split('|').map((value) => ({ label, value })));
    },
  });
  return query;
}

const queries = [
  ...rules.map(({ expr }) => expr),
  ...panels.flatMap((panel) => panel.targets.map((one) => one.expr)),
];

// fault: alert-for-nothing
test('alerts and the dashboard ask for metrics that exist, and the runbook lists all of ours', async (t) => {
  const { url, browser } = await startTurntable(t, { env: { METRICS_TOKEN: metricsToken } });
  await browser().get('/').expect(200);
  const metrics = await readMetrics(url);
  const types = [...metrics.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name = '', type = '']) => ({
    name,
    type,
  }));
  const existing = types.flatMap(({ name, type }) =>
    type === 'histogram' ? ['_bucket', '_count', '_sum'].map((suffix) => name + suffix) : name,
  );
  const asked = [...new Set(queries.flatMap((query) => parseQuery(query).metrics))];

  assert.ok(asked.length > 15);
  assert.deepEqual(
    asked.filter((name) => !existing.includes(name) && !fromPrometheus.metrics.includes(name)),
    [],
  );
  const ours = types.map(({ name }) => name).filter((name) => name.startsWith('turntable_'));
  const listed = [...runbook.matchAll(/^\| `(turntable_\w+)` \| (.*?) \|/gm)];
  assert.deepEqual(listed.map(([, name]) => name).sort(), ours.sort());

  const labels = listed.flatMap(([, , names = '']) =>
    [...names.matchAll(/`(\w+)`/g)].map(([, name = '']) => name),
  );
  const written = [...metrics.matchAll(/^turntable_.*?\{(.*)\}/gm)].flatMap(([, pairs = '']) =>
    [...pairs.matchAll(/(\w+)="/g)].map(([, name = '']) => name),
  );
  const known = new Set([...labels, ...fromPrometheus.labels]);
  for (const label of [...written, ...queries.flatMap((query) => parseQuery(query).labels)])
    assert.ok(known.has(label), label);
});

test('alerts and the dashboard ask for outcomes and families that there are, and the runbook explains each outcome', () => {
  const values = queries.flatMap((query) => parseQuery(query).values);
  const of = (label: string) => values.filter((one) => one.label === label).map(({ value }) => value);

  assert.ok(of('outcome').length > 8);
  for (const outcome of of('outcome'))
    assert.ok((callOutcomes as readonly string[]).includes(outcome), outcome);
  for (const family of of('family')) assert.ok(['accounts', ...quotaFamilies].includes(family), family);
  const explained = (sections.get('What is measured') ?? '').split('The outcomes are:')[1] ?? '';
  const cells = [...explained.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, names = '']) => names.split(', '));
  assert.deepEqual(cells.map((name) => name.replaceAll('`', '')).sort(), [...callOutcomes].sort());
});

test('each alert has a section in the runbook that says what it means and what to do, and a link there', () => {
  const names = rules.map(({ alert }) => alert);

  assert.equal(new Set(names).size, names.length);
  assert.deepEqual(
    [...sections.keys()].filter((title) => title.startsWith('Turntable')),
    names,
  );
  for (const { alert, annotations } of rules) {
    assert.match(sections.get(alert) ?? '', /^\*\*Means:\*\* .+\n[\s\S]*^\*\*Do:\*\* /m, alert);
    assert.equal(annotations.runbook, `docs/operations/runbook.md#${alert.toLowerCase()}`);
    assert.notEqual(annotations.summary, '', alert);
  }
});

test('each panel of the dashboard has a title, its own number, and the data source that was chosen', () => {
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  for (const { title, datasource, targets } of panels) {
    assert.notEqual(title, '');
    assert.equal(datasource.uid, '$' + '{datasource}', title);
    assert.ok(targets.length > 0, title);
  }
});

test('invalid PromQL is found', () => {
  for (const source of ['sum(rate(up[5m])', 'rate(up[5 minutes])', 'sum by family (up)', 'up{job=turntable}'])
    assert.throws(() => parseQuery(source), /No PromQL/, source);
  assert.deepEqual(parseQuery('max by (family) (turntable_ready{job=~"a|b"} offset 5m) > 0'), {
    metrics: ['turntable_ready'],
    labels: ['family', 'job'],
    values: [
      { label: 'job', value: 'a' },
      { label: 'job', value: 'b' },
    ],
  });
});
