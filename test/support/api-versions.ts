import { type TestContext, test } from 'node:test';
import { type Dialect, dialects } from '../../simulator/simulator.ts';

const dialectOf = new WeakMap<TestContext, Dialect>();

/** A test for each dialect that the Web API is spoken in; the simulator of each test speaks it. */
export function testInEachDialect(name: string, body: (t: TestContext) => Promise<void>): void {
  for (const dialect of dialects) {
    test(`${name} (${dialect})`, (t) => {
      dialectOf.set(t, dialect);
      return body(t);
    });
  }
}

/** The dialect that the simulator of this test speaks. */
export function spokenIn(t: TestContext): Dialect {
  return dialectOf.get(t) ?? 'development';
}
