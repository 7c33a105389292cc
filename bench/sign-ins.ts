import { createHmac, randomBytes } from 'node:crypto';
import { createBrowsers } from '../src/access/browsers.ts';
import { createGrants } from '../src/access/grants.ts';
import { signInScopes } from '../src/access/scopes.ts';
import { createSeal, deriveKey } from '../src/access/seal.ts';
import { createSessionRecords } from '../src/access/session-records.ts';
import { readSecrets } from '../src/settings/readers.ts';
import { createCookies } from '../src/web/cookies.ts';
import type { Fleet } from '../test/support/fleet.ts';
import { connectAsServer, recordsIn } from '../test/support/redis.ts';
import { clientId, clientSecret } from '../test/support/turntable.ts';

type SignIns = {
  listeners: number;
  sessionsEach: number;
  token: string;
  /** The server's SESSION_SECRET, if it is set. */
  sessionSecret?: string;
};

const hourMs = 60 * 60_000;
/** How many listeners are written at once. */
const batchSize = 200;

/**
 * Signs in many listeners by writing what a sign-in leaves in Redis, because ten thousand real ones would take minutes. All have the same
 * access token. Returns a cookie for each session: first one of each listener, then the next one of each.
 */
export async function signInMany(
  fleet: Fleet,
  { listeners, sessionsEach, token, sessionSecret }: SignIns,
): Promise<string[]> {
  const redis = connectAsServer(fleet.redisUrl);
  const { now } = fleet.clock;
  const [secret] = readSecrets(sessionSecret, clientSecret, []);
  const records = recordsIn(redis);
  const sessions = createSessionRecords({ records, now });
  const grants = createGrants({
    redis,
    records,
    seal: createSeal([secret]),
    clientId,
    now,
    accountOf: async () => null,
  });
  const browsers = createBrowsers({ redis, records, grants, now });
  const name = createCookies({ baseUrl: fleet.baseUrl }).name('session');
  const key = deriveKey(secret, 'session cookie').toString('base64url');
  const cookies: string[] = [];
  for (let session = 0; session < sessionsEach; session += 1)
    for (let first = 0; first < listeners; first += batchSize) {
      const ids = Array.from({ length: Math.min(batchSize, listeners - first) }, (_, one) => first + one);
      cookies.push(...(await Promise.all(ids.map(signIn))));
    }
  redis.disconnect();
  return cookies;

  async function signIn(index: number): Promise<string> {
    const sessionId = randomBytes(24).toString('base64url');
    const accountId = `listener${index}`;
    const [startedAt, consentAt, refreshedAt] = [now(), now(), now()];
    const listener = { accountId, id: accountId, name: `Listener ${index}` };
    await sessions.write(sessionId, { listener, startedAt });
    await browsers.add(accountId, sessionId, null);
    await grants.create(sessionId, {
      accountId,
      accessToken: token,
      expiresAt: now() + hourMs,
      refreshedAt,
      refreshToken: 'none',
      scopes: [...signInScopes],
      consentAt,
    });
    return `${name}=${encodeURIComponent(`s:${sessionId}.${signatureOf(sessionId, key)}`)}`;
  }
}

/** As the package cookie-signature, which express-session uses, signs a value. */
function signatureOf(value: string, key: string): string {
  return createHmac('sha256', key).update(value).digest('base64').replace(/=+$/, '');
}
