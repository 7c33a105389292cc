import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { startSimulator } from '../../simulator/simulator.ts';
import { type Config, readConfig } from '../../src/config.ts';
import { createLog } from '../../src/ops/log.ts';
import { NoRedis } from '../../src/redis/local-server.ts';
import { createSite } from '../../src/site.ts';
import { testRedisUrl } from './redis.ts';
import { createBrowser } from './turntable.ts';

export const app = {
  clientId: '0123456789abcdef0123456789abcdef',
  clientSecret: 'fedcba9876543210fedcba9876543210',
};

type Options = {
  /** Overrides settings, even with a value that would be refused. */
  settings?: Partial<Config>;
  setByEnvironment?: readonly string[];
  /** The address that the requests come from, if it isn't the usual one. */
  peer?: string;
  /** Whether Spotify doesn't know the redirect URI. */
  isRedirectUriUnknown?: boolean;
  /** The path of BASE_URL; none if absent. */
  basePath?: string;
  /** Why there is no Redis. */
  noRedis?: string;
};

/** Starts Turntable without credentials, as src/main.ts does, with its own folder for `.env` and the simulator as Spotify. */
export async function startWithoutCredentials(t: TestContext, options: Options = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'turntable-setup-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const envFile = join(folder, '.env');
  const simulator = await startSimulator(app);
  t.after(simulator.close);
  const logged: string[] = [];
  const server = createServer((req, res) => {
    if (options.peer !== undefined)
      Object.defineProperty(req.socket, 'remoteAddress', { value: options.peer });
    site.handle(req, res);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const env = {
    PORT: String(port),
    BASE_URL: `http://127.0.0.1:${port}${options.basePath ?? ''}`,
    REDIS_URL: await testRedisUrl(),
    SPOTIFY_ACCOUNTS_URL: simulator.accountsUrl,
    SPOTIFY_API_URL: simulator.apiUrl,
    LOG_LEVEL: 'debug',
  };
  const config = { ...readConfig(env), ...options.settings };
  if (!options.isRedirectUriUnknown) simulator.registerRedirectUri(config.redirectUri);
  const site = createSite({
    config,
    log: createLog({ level: config.logLevel, write: (line) => logged.push(line) }),
    async openRedis({ redisUrl }) {
      if (options.noRedis) throw new NoRedis(options.noRedis);
      return { url: redisUrl, stop: async () => undefined };
    },
    withCredentials: ({ clientId, clientSecret }) =>
      readConfig({ ...env, SPOTIFY_CLIENT_ID: clientId, SPOTIFY_CLIENT_SECRET: clientSecret }),
    setByEnvironment: options.setByEnvironment ?? [],
    envFile,
  });
  await site.open();
  t.after(async () => {
    server.closeAllConnections();
    await site.stopServing({ close: () => new Promise((resolve) => server.close(() => resolve())) });
    await site.close();
  });

  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    folder,
    envFile,
    simulator,
    logged,
    code: site.setupCode ?? '',
    redirectUri: config.redirectUri,
    nextRequest: () => once(server, 'request'),
    browser: () => createBrowser(url, simulator, config.baseUrl),
  };
}
