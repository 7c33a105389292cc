import * as v from '@badrap/valita';
import { jsonCodec, timestamp } from '../redis/codec.ts';
import { formerKeys, keys } from '../redis/keys.ts';
import type { Records } from '../redis/records.ts';
import { remainingLifetimeSeconds } from './lifetime.ts';

/** The identity of a listener, for pages to show. Not secret. */
export type Listener = {
  /** `account_id` at Spotify, else `id`. */
  accountId: string;
  id: string;
  name: string | null;
};

/** `startedAt` is the time of the sign-in, in milliseconds since 1970. */
type SessionRecord = { listener: Listener; startedAt: number };

export type SessionRecords = ReturnType<typeof createSessionRecords>;

/** The shape of session records. express-session writes them, from the fields of `req.session`. */
export const sessionShape = 1;

const codec = jsonCodec<SessionRecord>({
  shape: sessionShape,
  shapeField: 'v',
  schema: v.object({
    listener: v.object({ accountId: v.string(), id: v.string(), name: v.string().nullable() }),
    startedAt: timestamp,
  }),
});

export function createSessionRecords({ records, now }: { records: Records; now: () => number }) {
  return records.of({
    kind: 'session',
    key: keys.session,
    formerKey: formerKeys.session,
    codec,
    ttlMs: ({ startedAt }) => remainingLifetimeSeconds(startedAt, now()) * 1000,
  });
}
