import type { CheckResult } from './checks/result.ts';
import { BadConfiguration, type Config, loadConfig } from './config.ts';
import { createChecks } from './parts.ts';

// Checks what the server would need, with the server's own settings, one line for each; exits with 1 where something is wrong.
const config = configured();
if (config) {
  tell([{ what: 'Settings', state: 'good', seen: 'every variable can be read' }]);
  tell(config.unknownSettings.map((seen) => ({ what: '.env', state: 'open', seen })));
  const { redis, spotify, site } = createChecks(config);
  for (const findings of await Promise.all([redis(), spotify(), site()])) tell(findings);
}

function configured(): Config | null {
  try {
    return loadConfig(process.env);
  } catch (error) {
    if (!(error instanceof BadConfiguration)) throw error;
    tell(error.problems.map((seen) => ({ what: 'Settings', state: 'bad', seen })));
    return null;
  }
}

function tell(findings: readonly CheckResult[]): void {
  const words = { good: 'ok   ', bad: 'WRONG', open: 'note ' };
  for (const { what, state, seen, todo } of findings) {
    console.log(`${words[state]} ${what}: ${seen.replace(/\s+/g, ' ')}${todo ? ` -> ${todo}` : ''}`);
    // safeguard: doctor-exit-code
    if (state === 'bad') process.exitCode = 1;
  }
}
