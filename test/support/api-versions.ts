import { type TestContext, test } from 'node:test';
import { type ApiVersion, apiVersions } from '../../simulator/simulator.ts';

const versionByTest = new WeakMap<TestContext, ApiVersion>();

/** Runs a test once for each version of the Web API, against a simulator of that version. */
export function testInEachApiVersion(name: string, body: (t: TestContext) => Promise<void>): void {
  for (const apiVersion of apiVersions) {
    test(`${name} (${apiVersion})`, (t) => {
      versionByTest.set(t, apiVersion);
      return body(t);
    });
  }
}

/** Returns the version of the Web API that the simulator of this test serves. */
export function apiVersionIn(t: TestContext): ApiVersion {
  return versionByTest.get(t) ?? '2026-02';
}
