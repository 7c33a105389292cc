import { startRedis } from '../src/redis/local-server.ts';
import { skipWithoutNginx, startBehindNginx } from '../test/support/nginx.ts';
import { restartInTurn } from '../test/support/rolling-restart.ts';
import { beginLoad } from '../test/support/steady-load.ts';
import type { Bench } from './options.ts';
import { formatCounts, grouped } from './report.ts';
import { percentile } from './statistics.ts';
import { withScope } from './with-scope.ts';

/*
 * Steady load on three processes behind nginx while each is stopped by SIGTERM and started again, in turn. Spotify rotates refresh tokens
 * strictly and access tokens last 70 seconds, so processes are stopped during refreshes as well. Every request must succeed.
 */
const people = 12;
const thinkMs = { min: 300, max: 900 };
/** Access tokens are refreshed a minute before they expire, so after ten seconds. */
const accessTokenSeconds = 70;

export const bench: Bench = async ({ rounds, seed, report }) => {
  await withScope(async (scope, program) => {
    if (skipWithoutNginx) throw new Error(skipWithoutNginx);
    const redis = await startRedis({ program });
    scope.after(() => redis.stop());
    const site = await startBehindNginx(scope, {
      redisUrl: redis.url,
      extraListeners: people,
      ticking: true,
      env: { SPOTIFY_DAILY_CALLS: '1000000', SPOTIFY_DAILY_SEARCHES: '1000000' },
    });
    site.fleet.simulator.settings.accessTokenSeconds = accessTokenSeconds;
    report.begin(
      `rolling: ${rounds} rounds of restarts, ${people} people at ${site.servers.length} processes behind nginx, seed "${seed}", Node ${process.version}`,
    );
    const load = await beginLoad(scope, site, { people, thinkMs, seed });
    const stopMs: number[] = [];
    for (let round = 1; round <= rounds; round += 1) {
      report.progress(
        `round ${round}: ${grouped(load.tally.correct)} correct, ${load.tally.wrong.size} kinds of failures`,
      );
      stopMs.push(...(await restartInTurn(site)));
    }
    const lost = await load.stop();
    report.progress('');

    const { correct, wrong, signIns, streams, slowestMs } = load.tally;
    const refreshes = site.fleet.simulator.calls.filter((one) => one.grantType === 'refresh_token');
    report.fact('restarts', stopMs.length);
    report.fact('requests that succeeded', correct);
    report.fact('sign-ins in between', signIns);
    report.fact('streams opened', streams);
    report.fact('token refreshes', refreshes.length);
    report.fact('slowest response', `${(slowestMs / 1000).toFixed(1)} s`);
    report.fact(
      'time to stop (median, longest)',
      `${Math.round(percentile(stopMs, 50))} ms, ${Math.round(percentile(stopMs, 100))} ms`,
    );
    report.fact('failures', formatCounts(wrong));
    report.claim('every request succeeded', wrong.size === 0);
    report.claim('no sign-in was lost', lost.length === 0);
    report.claim('every process stopped within ten seconds', percentile(stopMs, 100) < 10_000);
    report.claim('streams came back', streams > stopMs.length);
    if (lost.length > 0) report.fact('signed out', lost.join(', '));
  });
};
