import assert from 'node:assert/strict';
import { BadConfiguration, readConfig } from '../../src/config.ts';

/** Returns the problems of a configuration as one text, empty if there are none. */
export function configProblems(env: Record<string, string>): string {
  try {
    readConfig(env);
  } catch (error) {
    assert.ok(error instanceof BadConfiguration);
    return error.message;
  }
  return '';
}
