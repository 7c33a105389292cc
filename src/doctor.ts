import { parseArgs } from 'node:util';
import { createChecks } from './checks/checks.ts';
import { type CheckResult, failed, note, ok } from './checks/result.ts';
import { BadConfiguration, type Config, loadConfig } from './config.ts';

// Checks everything that the server needs, with the server's own settings, and prints a line for each, or with --json all of them as one
// object. Exits with 0 if nothing failed, with 1 if something did, and with 2 if it doesn't know an option.
const isJson = wantsJson();
const results: CheckResult[] = [];

if (isJson !== null) {
  const config = loadOrReport();
  if (config) {
    report([ok('Settings', 'all variables are valid')]);
    report(config.unknownSettings.map((sentence) => note('.env', sentence)));
    const { redis, spotify, site } = createChecks(config, null);
    for (const found of await Promise.all([redis(), spotify(), site()])) report(found);
  }
  const hasFailed = results.some(({ status }) => status === 'failed');
  // safeguard: doctor-exit-code
  if (hasFailed) process.exitCode = 1;
  if (isJson) console.log(JSON.stringify({ status: hasFailed ? 'failed' : 'ok', checks: results }, null, 2));
}

/** Null if there is an option that the doctor doesn't know. */
function wantsJson(): boolean | null {
  try {
    // The name of the entry may come before the options.
    const { values } = parseArgs({ options: { json: { type: 'boolean' } }, allowPositionals: true });
    return values.json ?? false;
  } catch {
    console.error('Usage: npm run doctor, or npm run --silent doctor -- --json');
    process.exitCode = 2;
    return null;
  }
}

function loadOrReport(): Config | null {
  try {
    return loadConfig(process.env);
  } catch (error) {
    if (!(error instanceof BadConfiguration)) throw error;
    report(error.problems.map((problem) => failed('Settings', problem)));
    return null;
  }
}

/** Prints results as soon as they're there, unless all of them are printed at the end. */
function report(found: readonly CheckResult[]): void {
  results.push(...found);
  if (isJson) return;
  const labels = { ok: 'ok   ', failed: 'FAIL ', note: 'note ' };
  for (const { name, status, detail, fix } of found)
    console.log(`${labels[status]} ${name}: ${detail.replace(/\s+/g, ' ')}${fix ? ` -> ${fix}` : ''}`);
}
