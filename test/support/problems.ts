import assert from 'node:assert/strict';
import { BadConfiguration, readConfig } from '../../src/config.ts';

/** What is wrong with a configuration, in one text; an empty one if nothing is. */
export function problemsOf(env: Record<string, string>): string {
  try {
    readConfig(env);
  } catch (error) {
    assert.ok(error instanceof BadConfiguration);
    return error.message;
  }
  return '';
}
