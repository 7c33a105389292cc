import type { BackgroundTasks } from '../ops/background.ts';
import type { Lock } from '../redis/lock.ts';
import type { Records } from '../redis/records.ts';
import type { Accounts } from '../spotify/accounts.ts';
import type { WebApi } from '../spotify/web-api.ts';
import { createApiVersions } from './api-version.ts';
import { createAppAccess } from './app-access.ts';
import { createAppApi } from './app-api.ts';
import { createArtistFollowing } from './artist-following.ts';
import type { OnRefresh } from './call-outcome.ts';
import type { Grants } from './grants.ts';
import { createListenerAccess } from './listener-access.ts';
import { createListenerApi } from './listener-api.ts';
import type { QuotaGate } from './quota-gate.ts';
import type { ResponseCache } from './response-cache.ts';
import type { Seal } from './seal.ts';

type Deps = {
  clientId: string;
  /** The country for searches and lists. */
  market: string;
  records: Records;
  grants: Grants;
  seal: Seal;
  withLock: Lock;
  quotaGate: QuotaGate;
  accounts: Accounts;
  webApi: WebApi;
  responseCache: ResponseCache;
  background: Pick<BackgroundTasks, 'run' | 'finish'>;
  now: () => number;
  onRefresh: OnRefresh;
};

/** Creates what calls Spotify: with the tokens of listeners, and with the app's own for visitors who aren't signed in. */
export function createSpotifyAccess(deps: Deps) {
  const { clientId, market, records, grants, seal, webApi, responseCache, now } = deps;
  const { withLock, quotaGate, accounts, background, onRefresh } = deps;
  const refreshing = { withLock, quotaGate, accounts, background, now, onRefresh };
  const listenerAccess = createListenerAccess({ grants, ...refreshing });
  const apiVersions = createApiVersions({ records, clientId });
  const artistFollowing = createArtistFollowing({ records, clientId, apiVersions });
  const listenerApi = createListenerApi({
    access: listenerAccess,
    apiVersions,
    artistFollowing,
    webApi,
    responseCache,
    market,
    now,
  });
  const appAccess = createAppAccess({ records, clientId, seal, ...refreshing });
  const appApi = createAppApi({ access: appAccess, webApi, responseCache, market });
  return { listenerAccess, listenerApi, appApi };
}
