import { parseArgs } from 'node:util';
import { type Bench, fullRun } from './options.ts';
import { createReport } from './report.ts';
import { saveResults } from './save-results.ts';

/*
 * npm run bench -- <name> [--rounds=50] [--minutes=30] [--only=<part>] [--seed=…]
 *
 * Measures what the project claims, and prints PASS or FAIL for each claim. Everything runs on 127.0.0.1, in processes that the benchmark
 * starts and ends. The figures of a full run are saved in bench/results.
 */
const benches: Record<string, () => Promise<{ bench: Bench }>> = {
  adapters: () => import('./adapters.ts'),
  export: () => import('./export.ts'),
  failover: () => import('./failover.ts'),
  faults: () => import('./faults.ts'),
  grants: () => import('./grants.ts'),
  growth: () => import('./growth.ts'),
  live: () => import('./live.ts'),
  memory: () => import('./memory.ts'),
  overload: () => import('./overload.ts'),
  pages: () => import('./pages.ts'),
  profile: () => import('./profile.ts'),
  quota: () => import('./quota.ts'),
  rolling: () => import('./rolling.ts'),
  scale: () => import('./scale.ts'),
  speed: () => import('./speed.ts'),
  start: () => import('./start.ts'),
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: String(fullRun.rounds) },
    minutes: { type: 'string', default: String(fullRun.minutes) },
    only: { type: 'string' },
    seed: { type: 'string', default: 'turntable' },
  },
});
const [name = ''] = positionals;
const load = benches[name];
const rounds = Number(values.rounds);
const minutes = Number(values.minutes);
if (!load || ![rounds, minutes].every((one) => Number.isInteger(one) && one > 0)) {
  console.error(
    `npm run bench -- ${Object.keys(benches).join(' | ')} [--rounds=50] [--minutes=30] [--only=<part>] [--seed=turntable]`,
  );
  process.exit(1);
}

const report = createReport();
const { bench } = await load();
await bench({ rounds, minutes, only: values.only, seed: values.seed, report });
if (rounds >= fullRun.rounds && minutes >= fullRun.minutes) saveResults(name, report.figures, values.only);
process.exitCode = report.conclude() ? 0 : 1;
