import { createApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/ops/log.ts';
import { serve } from '../../src/ops/serve.ts';
import { createShutdown, stopServing } from '../../src/ops/shutdown.ts';
import { createParts } from '../../src/parts.ts';
import { createClock } from './clock.ts';
import type { CallResult, Ready, ServerOptions } from './fleet.ts';
import { noLimits } from './turntable.ts';

/*
 * The server as src/main.ts starts it, as a process of its own, for tests of what happens when one is killed or paused. Its
 * deadlines and waits are the test's, and so is its clock, which moves when the test says so.
 */
const { env, timing, startAt, ticking } = JSON.parse(process.env.SERVER ?? '') as ServerOptions;
const clock = createClock(startAt, { ticking });
const { spotify, ...config } = readConfig(env);
if (!spotify) throw new Error('These tests are about a configured server');

const log = createLog({ level: config.logLevel, write: (line) => process.stdout.write(line) });
const shutdown = createShutdown(process);
const parts = createParts({
  config: { ...config, spotify },
  log,
  now: clock.now,
  timing,
  limits: noLimits,
});
shutdown.defer(parts.close);
await parts.redisAnswered;
const app = createApp({ config: { ...config, spotify }, log, parts });
const serving = await serve(app, { ...config, port: 0 });
const { background, closeStreams } = parts;
shutdown.defer(() => stopServing({ serving, background, closeStreams, log }));

process.on('message', ({ advanceMs }: CallResult) => {
  clock.advance({ seconds: advanceMs / 1000 });
  process.send?.('advanced');
});
// Whoever started it is gone: nothing is left behind.
process.on('disconnect', () => process.exit());
process.send?.({ port: serving.port } satisfies Ready);
