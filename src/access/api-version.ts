import * as v from '@badrap/valita';
import { textCodec } from '../redis/codec.ts';
import { keys } from '../redis/keys.ts';
import type { Records } from '../redis/records.ts';
import { type ApiVersion, otherApiVersion } from '../spotify/api-version.ts';
import { NotFound, Refused } from '../spotify/errors.ts';

export type ApiVersions = ReturnType<typeof createApiVersions>;

type Deps = { records: Records; clientId: string };

/** Spotify may move an app from one version to the other, so it is detected again once a day. */
const ttlMs = 24 * 60 * 60 * 1000;

/**
 * Knows which version of the Web API this app gets: 2026-02, unless a response showed otherwise. It is detected by calling Spotify and
 * remembered in Redis, for all processes.
 */
export function createApiVersions({ records, clientId }: Deps) {
  const store = records.of({
    kind: 'api-version',
    key: keys.apiVersion,
    codec: textCodec(v.literal('legacy')),
    ttlMs: () => ttlMs,
  });

  return {
    current,

    /**
     * Makes a request whose path or field names depend on the API version, and returns its result. If the response looks as if Spotify doesn't
     * know the name, tries once more in the other version. Throws what the request throws, and RedisUnavailable.
     */
    async call<T>(request: (apiVersion: ApiVersion) => Promise<T>): Promise<T> {
      const first = await current();
      try {
        return await request(first);
      } catch (error) {
        // For an unknown name, apps on the legacy version get a 404, and apps on 2026-02 a 403 (GitHub: bjarneo/cliamp#54).
        if (!(error instanceof (first === '2026-02' ? NotFound : Refused))) throw error;
        const result = await request(otherApiVersion(first)).catch((otherError: unknown) => {
          // If neither name exists, the name was not the problem: the first response is the right one. Any other error, such as a cooldown or a
          // missing response, says nothing about names.
          const isUnknown = otherError instanceof NotFound || otherError instanceof Refused;
          throw isUnknown ? error : otherError;
        });
        // safeguard: cache-api-version
        await (first === '2026-02' ? store.write(clientId, 'legacy') : store.remove(clientId));
        return result;
      }
    },
  };

  /** Returns the detected version, else 2026-02. Throws RedisUnavailable. */
  async function current(): Promise<ApiVersion> {
    return (await store.read(clientId)) ?? '2026-02';
  }
}
