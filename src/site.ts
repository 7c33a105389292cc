import type { RequestListener } from 'node:http';
import { createApp } from './app.ts';
import { createChecks } from './checks/checks.ts';
import { tryCredentials } from './checks/credentials.ts';
import { isOfConnection } from './checks/redis.ts';
import type { CheckResult } from './checks/result.ts';
import { warnOfFailures } from './checks/startup-warnings.ts';
import type { Config, SpotifyApp } from './config.ts';
import { errorFields, type Log } from './ops/log.ts';
import { createMetricsApp } from './ops/metrics-routes.ts';
import type { RunningServer } from './ops/serve.ts';
import { stopServing } from './ops/shutdown.ts';
import type { Credentials, SetupForm } from './pages/setup/form.ts';
import { createSetupCode } from './pages/setup/setup-code.ts';
import { mayTakeCredentials } from './pages/setup/this-machine.ts';
import { createParts, type Parts } from './parts.ts';
import type { AvailableRedis } from './redis/local-server.ts';
import { addToEnvFile } from './settings/write-env-file.ts';

type Deps = {
  config: Config;
  log: Log;
  /** Opens the Redis to use. Throws NoRedis. */
  openRedis: (config: Config) => Promise<AvailableRedis>;
  /** Returns the configuration of this process with an app's credentials. */
  withCredentials: (credentials: Credentials) => Config;
  /** The names of the credentials that the environment sets, rather than `.env`. */
  setByEnvironment: readonly string[];
  envFile: string;
};

/** `metrics` answers on METRICS_PORT. */
type Running = { app: RequestListener; parts: Parts | null; metrics?: RequestListener };

/**
 * The request handler of a server. Without credentials, it is only the setup page. Once that has got them, the rest takes its place in the same
 * process: everything that depends on the configuration is created again from a new one, so no configuration ever changes.
 */
export function createSite(deps: Deps) {
  const { config, log, openRedis } = deps;
  const stack = new AsyncDisposableStack();
  let running: Running | null = null;
  const form = config.spotify === null ? createForm() : null;

  return {
    /** The code to print in the terminal; null if the setup page has no form. */
    setupCode: form?.code.text ?? null,

    /** Starts everything that the requests need. Throws NoRedis. */
    async open(): Promise<void> {
      if (config.spotify) await start(config, config.spotify);
      // The setup page alone needs no Redis.
      else running = { app: createApp({ config, log, parts: null, form }), parts: null };
    },

    handle: ((req, res) => (running ? running.app(req, res) : res.destroy())) satisfies RequestListener,

    /** Answers on METRICS_PORT. Without credentials, there is nothing to measure yet. */
    handleMetrics: ((req, res) => {
      if (running?.metrics) running.metrics(req, res);
      else res.writeHead(503).end();
    }) satisfies RequestListener,

    /** Counts a connection that is refused because there are too many. */
    countShedConnection: (): void => running?.parts?.metrics.countShed('connections'),

    /** Stops serving, without losing anything. */
    stopServing(server: Pick<RunningServer, 'close'>): Promise<void> {
      if (!running?.parts) return server.close();
      const { background, closeStreams } = running.parts;
      return stopServing({ server, background, closeStreams, log });
    },

    /** Closes everything that requests in flight need, so it comes after `stopServing`. */
    close: () => stack.disposeAsync(),
  };

  async function start(settings: Config, spotify: SpotifyApp): Promise<void> {
    const redis = await openRedis(settings);
    defer(redis.stop);
    const found: Config = { ...settings, redisUrl: redis.url, shouldFindRedis: false };
    // safeguard: check-redis-when-it-is-back
    const onRedisUp = () => checkRedis();
    const parts = createParts({ config: { ...found, spotify }, log, onRedisUp });
    defer(parts.close);
    await parts.redisAnswered;
    checkRedis();
    const metrics = createMetricsApp({
      read: parts.readMetrics,
      onError: (error) => log.error('The metrics cannot be read', errorFields(error)),
    });
    running = { app: createApp({ config: found, log, parts }), parts, metrics };

    /** Checks how Redis is set up. Whenever it is back, it may be another server, or have other settings. */
    function checkRedis(): void {
      const checked = createChecks(found, null).redis();
      parts.background.run('check the settings of Redis', checked.then(recordChecks));
    }

    function recordChecks(results: readonly CheckResult[]): void {
      // A failing connection is logged whenever it changes, and shows in `turntable_ready`.
      // safeguard: failed-connection-is-no-check
      const settingsOfRedis = results.filter((result) => !isOfConnection(result));
      if (settingsOfRedis.length === 0) return;
      parts.metrics.recordChecks(settingsOfRedis);
      warnOfFailures(settingsOfRedis, log);
    }
  }

  /** Anything started during a shutdown ends with the process. */
  function defer(stop: () => unknown): void {
    if (!stack.disposed) stack.defer(async () => void (await stop()));
  }

  function createForm(): SetupForm | null {
    if (!mayTakeCredentials(config, deps.setByEnvironment)) return null;
    return {
      code: createSetupCode(),
      tryCredentials: (credentials) => tryCredentials(appOf(credentials), config.redirectUri),
      save: ({ clientId, clientSecret }) =>
        addToEnvFile(deps.envFile, { SPOTIFY_CLIENT_ID: clientId, SPOTIFY_CLIENT_SECRET: clientSecret }),
      async start(credentials) {
        await start(deps.withCredentials(credentials), appOf(credentials));
        log.info('The Spotify app is connected');
      },
    };
  }

  function appOf(credentials: Credentials): SpotifyApp {
    const { spotify } = deps.withCredentials(credentials);
    if (!spotify) throw new Error('The configuration lacks the credentials');
    return spotify;
  }
}
