import { createApp } from '../../src/app.ts';
import { readConfig } from '../../src/config.ts';
import { createLog } from '../../src/ops/log.ts';
import { serve } from '../../src/ops/serve.ts';
import { createShutdown, stopServing } from '../../src/ops/shutdown.ts';
import { createParts } from '../../src/parts.ts';
import { createClock } from './clock.ts';
import type { AdvanceMessage, ReadyMessage, ServerOptions } from './fleet.ts';
import { noLimits } from './turntable.ts';

/*
 * Starts the server as src/main.ts does, in its own process, so that tests can kill or pause it. The test sets its deadlines and moves its
 * clock.
 */
const {
  env,
  timing,
  startAt,
  ticking,
  port = 0,
  beginMs,
} = JSON.parse(process.env.SERVER ?? '') as ServerOptions;
const clock = createClock(startAt, { ticking });
const { spotify, ...config } = readConfig(env);
if (!spotify) throw new Error('The server has no Spotify credentials');

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
const server = await serve(
  app,
  { ...config, port },
  { onShed: () => parts.metrics.countShed('connections') },
);
const { background, closeStreams } = parts;
shutdown.defer(() => stopServing({ server, background, closeStreams, log, beginMs }));

process.on('message', (message: AdvanceMessage | object) => {
  // Others are for a module that was loaded first.
  if (!('advanceMs' in message)) return;
  clock.advance({ seconds: message.advanceMs / 1000 });
  process.send?.('advanced');
});
// The test has ended.
process.on('disconnect', () => process.exit());
process.send?.({ port: server.port } satisfies ReadyMessage);
