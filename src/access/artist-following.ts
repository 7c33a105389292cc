import * as v from '@badrap/valita';
import { textCodec } from '../redis/codec.ts';
import { keys } from '../redis/keys.ts';
import type { Records } from '../redis/records.ts';
import { type ApiVersion, otherApiVersion } from '../spotify/api-version.ts';
import { BadRequest, NotFound, Refused } from '../spotify/errors.ts';
import type { ApiVersions } from './api-version.ts';
import { ArtistsNotOffered } from './errors.ts';

export type ArtistFollowing = ReturnType<typeof createArtistFollowing>;

type Deps = { records: Records; clientId: string; apiVersions: Pick<ApiVersions, 'current'> };

/** Spotify may begin to offer it, so it is tried again once a week. */
const ttlMs = 7 * 24 * 60 * 60 * 1000;

/**
 * Knows whether and how this app can follow artists. Version 2026-02 has no separate endpoint for that, and the one for the library lists
 * artists only for reading ("Save Items to Library", "Check User's Saved Items"). So the first attempt finds out, in one version and then the
 * other, and the result is remembered in Redis, for all processes.
 */
export function createArtistFollowing({ records, clientId, apiVersions }: Deps) {
  const store = records.of({
    kind: 'artist-following',
    key: keys.artistFollowing,
    codec: textCodec(v.union(v.literal('2026-02'), v.literal('legacy'), v.literal('none'))),
    ttlMs: () => ttlMs,
  });

  return {
    /** Returns false if Spotify is known not to offer it to this app. Throws RedisUnavailable. */
    async isOffered(): Promise<boolean> {
      // safeguard: hide-following-if-not-offered
      return (await store.read(clientId)) !== 'none';
    },

    /** Makes a request that follows or unfollows an artist. Throws ArtistsNotOffered, what the request throws, and RedisUnavailable. */
    async call<T>(request: (apiVersion: ApiVersion) => Promise<T>): Promise<T> {
      const known = await store.read(clientId);
      // safeguard: probe-following-once
      if (known === 'none') throw new ArtistsNotOffered();
      if (known === null) return probe(request);
      return request(known).catch((error: unknown) => {
        // This app may have got another version in the meantime.
        // safeguard: probe-following-again
        if (error instanceof BadRequest || error instanceof Refused) return probe(request);
        throw error;
      });
    },
  };

  async function probe<T>(request: (apiVersion: ApiVersion) => Promise<T>): Promise<T> {
    const first = await apiVersions.current();
    const second = otherApiVersion(first);
    try {
      const result = await request(first);
      await store.write(clientId, first);
      return result;
    } catch (error) {
      if (!mayNotBeOffered(error)) throw error;
      const result = await request(second).catch(async (otherError: unknown) => {
        // If there is no such artist, the errors say nothing about this app.
        // safeguard: missing-artist-is-no-refusal
        if (!mayNotBeOffered(otherError) || error instanceof NotFound) throw error;
        await store.write(clientId, 'none');
        throw new ArtistsNotOffered();
      });
      await store.write(clientId, second);
      return result;
    }
  }
}

/** Whether Spotify may not know the endpoint, or its kind of URI, in this version. */
function mayNotBeOffered(error: unknown): boolean {
  return error instanceof BadRequest || error instanceof Refused || error instanceof NotFound;
}
