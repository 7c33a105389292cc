import * as v from '@badrap/valita';
import { textCodec } from '../redis/codec.ts';
import { keys } from '../redis/keys.ts';
import type { Records } from '../redis/records.ts';
import { type ApiVersion, otherApiVersion } from '../spotify/api-version.ts';
import { NotFound, Refused } from '../spotify/errors.ts';

export type ApiVersions = ReturnType<typeof createApiVersions>;

type Deps = { records: Records; clientId: string };

/** Spotify may move an app from one dialect to the other, so what was found out is asked anew once a day. */
const rememberedMs = 24 * 60 * 60 * 1000;

/**
 * Which dialect of the Web API this client id speaks: the new one, unless an answer showed otherwise. That is found out by asking
 * and remembered in Redis, for all processes.
 */
export function createApiVersions({ records, clientId }: Deps) {
  const store = records.of({
    kind: 'api-version',
    key: keys.apiVersion,
    codec: textCodec(v.literal('legacy')),
    ttlMs: () => rememberedMs,
  });

  return {
    /** The dialect that a call is made in first: the one found out, else the new one. Throws RedisUnavailable. */
    async expected(): Promise<ApiVersion> {
      return (await store.read(clientId)) ?? '2026-02';
    },

    /**
     * Makes a call that is named differently in the dialects; where the answer looks as if the name did not exist, once more in
     * the other one. Throws what the call throws, and RedisUnavailable.
     */
    async speak<T>(call: (apiVersion: ApiVersion) => Promise<T>): Promise<T> {
      const first = await this.expected();
      try {
        return await call(first);
      } catch (error) {
        // A name that is not known is a 404 to apps that speak the classic dialect, and a 403 to those that speak the new one.
        if (!(error instanceof (first === '2026-02' ? NotFound : Refused))) throw error;
        const result = await call(otherApiVersion(first)).catch((otherError: unknown) => {
          // Where neither name is known it was not the name: the answer in the dialect that is spoken is the one to believe.
          // Anything else that goes wrong (a wait that Spotify asks for, silence) says nothing about names.
          const unknownToo = otherError instanceof NotFound || otherError instanceof Refused;
          throw unknownToo ? error : otherError;
        });
        // safeguard: cache-api-version
        await (first === '2026-02' ? store.write(clientId, 'legacy') : this.forget());
        return result;
      }
    },

    /** Forgets what was found out: the next call is made in the new dialect again. */
    forget: (): Promise<void> => store.remove(clientId),
  };
}
