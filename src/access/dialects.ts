import type { Redis } from 'ioredis';
import { redisCall } from '../redis/errors.ts';
import { type Dialect, otherDialect } from '../spotify/dialect.ts';
import { NotFound, Refused } from '../spotify/errors.ts';

export type Dialects = ReturnType<typeof createDialects>;

type Needs = { redis: Redis; clientId: string };

/** Spotify may move an app from one dialect to the other, so what was found out is asked anew once a day. */
const rememberedSeconds = 24 * 60 * 60;

/**
 * Which dialect of the Web API this client id speaks: the new one, unless an answer showed otherwise. That is found out by asking
 * and remembered in Redis, for all processes.
 */
export function createDialects({ redis, clientId }: Needs) {
  const key = `dialect:${clientId}`;

  return {
    /** The dialect that a call is made in first: the one found out, else the new one. Throws RedisUnavailable. */
    async expected(): Promise<Dialect> {
      return (await redisCall(redis.get(key))) === 'classic' ? 'classic' : 'new';
    },

    /**
     * Makes a call that is named differently in the dialects; where the answer looks as if the name did not exist, once more in
     * the other one. Throws what the call throws, and RedisUnavailable.
     */
    async speak<T>(call: (dialect: Dialect) => Promise<T>): Promise<T> {
      const first = await this.expected();
      try {
        return await call(first);
      } catch (error) {
        // A name that is not known is a 404 to apps that speak the classic dialect, and a 403 to those that speak the new one.
        if (!(error instanceof (first === 'new' ? NotFound : Refused))) throw error;
        const result = await call(otherDialect(first)).catch((otherError: unknown) => {
          // Where neither name is known it was not the name: the answer in the dialect that is spoken is the one to believe.
          // Anything else that goes wrong (a wait that Spotify asks for, silence) says nothing about names.
          const unknownToo = otherError instanceof NotFound || otherError instanceof Refused;
          throw unknownToo ? error : otherError;
        });
        await (first === 'new' ? remember() : this.forget());
        return result;
      }
    },

    /** Forgets what was found out: the next call is made in the new dialect again. */
    async forget(): Promise<void> {
      await redisCall(redis.del(key));
    },
  };

  async function remember(): Promise<void> {
    await redisCall(redis.set(key, 'classic', 'EX', rememberedSeconds));
  }
}
