import { parseArgs } from 'node:util';
import { createChecks } from './checks/checks.ts';
import { type CheckResult, failed, note, ok } from './checks/result.ts';
import { checkRunningSite, parseSiteUrl } from './checks/running-site.ts';
import { BadConfiguration, type Config, loadConfig } from './config.ts';

const usage =
  'Usage: npm run doctor, or npm run --silent doctor -- [--json] [--url https://music.example.org]';

// Checks everything that the server needs, with the server's own settings, or with --url a running site from outside. Prints a line for each
// check, or with --json all of them as one object. Exits with 0 if nothing failed, with 1 if something did, and with 2 for invalid options.
const options = readOptions();
const isJson = options?.isJson ?? false;
const results: CheckResult[] = [];

if (options !== null) {
  if (options.site !== null) report(await checkRunningSite(options.site));
  else await checkThisServer();
  const hasFailed = results.some(({ status }) => status === 'failed');
  // safeguard: doctor-exit-code
  if (hasFailed) process.exitCode = 1;
  if (isJson) console.log(JSON.stringify({ status: hasFailed ? 'failed' : 'ok', checks: results }, null, 2));
}

/** `site`: the BASE_URL of the site to check; null for this server. Null if an option is unknown or invalid. */
function readOptions(): { isJson: boolean; site: string | null } | null {
  try {
    const { values, positionals } = parseArgs({
      options: { json: { type: 'boolean' }, url: { type: 'string' } },
      // The name of the entry may come before the options.
      allowPositionals: true,
    });
    const [first] = positionals;
    // An address without --url would check this server instead.
    // safeguard: doctor-refuses-other-arguments
    if (positionals.length > (first === 'doctor' ? 1 : 0)) throw new Error(usage);
    const site = values.url === undefined ? null : parseSiteUrl(values.url);
    if (values.url === undefined || site !== null) return { isJson: values.json ?? false, site };
    console.error('--url must be the address of a site, such as https://music.example.org');
  } catch {
    console.error(usage);
  }
  process.exitCode = 2;
  return null;
}

async function checkThisServer(): Promise<void> {
  const config = loadOrReport();
  if (!config) return;
  report([ok('Settings', 'all variables are valid')]);
  report(config.unknownSettings.map((sentence) => note('.env', sentence)));
  const { redis, spotify, site } = createChecks(config, null);
  for (const found of await Promise.all([redis(), spotify(), site()])) report(found);
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
