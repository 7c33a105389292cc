import { parseArgs } from 'node:util';
import type { Bench } from './options.ts';
import { createReport } from './report.ts';

/*
 * npm run bench -- <name> [--rounds=50] [--minutes=30] [--only=<part>] [--seed=…]
 *
 * Measures what the project claims, and prints PASS or FAIL for each claim. Everything runs on 127.0.0.1, in processes that the benchmark
 * starts and ends.
 */
const benches: Record<string, () => Promise<{ bench: Bench }>> = {
  exports: () => import('./exports.ts'),
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
    rounds: { type: 'string', default: '1000' },
    minutes: { type: 'string', default: '30' },
    only: { type: 'string' },
    seed: { type: 'string', default: 'turntable' },
  },
});
const load = benches[positionals[0] ?? ''];
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
process.exitCode = report.conclude() ? 0 : 1;
