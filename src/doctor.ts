import { createChecks } from './checks/checks.ts';
import { type CheckResult, failed, note, ok } from './checks/result.ts';
import { BadConfiguration, type Config, loadConfig } from './config.ts';

// Checks everything that the server needs, with the server's own settings, and prints a line for each. Exits with 1 if something failed.
const config = loadOrPrint();
if (config) {
  print([ok('Settings', 'all variables are valid')]);
  print(config.unknownSettings.map((sentence) => note('.env', sentence)));
  const { redis, spotify, site } = createChecks(config, null);
  for (const results of await Promise.all([redis(), spotify(), site()])) print(results);
}

function loadOrPrint(): Config | null {
  try {
    return loadConfig(process.env);
  } catch (error) {
    if (!(error instanceof BadConfiguration)) throw error;
    print(error.problems.map((problem) => failed('Settings', problem)));
    return null;
  }
}

function print(results: readonly CheckResult[]): void {
  const labels = { ok: 'ok   ', failed: 'FAIL ', note: 'note ' };
  for (const { name, status, detail, fix } of results) {
    console.log(`${labels[status]} ${name}: ${detail.replace(/\s+/g, ' ')}${fix ? ` -> ${fix}` : ''}`);
    // safeguard: doctor-exit-code
    if (status === 'failed') process.exitCode = 1;
  }
}
