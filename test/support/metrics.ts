import assert from 'node:assert/strict';

/** A token that METRICS_TOKEN accepts. */
export const metricsToken = 'dGhlIHRva2VuIG9mIHRoZXNlIHRlc3RzIHdpdGggMzYgYg==';

/** Returns the metrics of a server that was started with METRICS_TOKEN={@link metricsToken}. */
export async function readMetrics(url: string): Promise<string> {
  const response = await fetch(`${url}/metrics`, { headers: { Authorization: `Bearer ${metricsToken}` } });
  assert.equal(response.status, 200);
  return response.text();
}

/** Returns the value of a metric, with its labels as they are written; undefined if it isn't there. */
export function metricOf(metrics: string, name: string): number | undefined {
  const line = metrics.split('\n').find((one) => one.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length));
}
