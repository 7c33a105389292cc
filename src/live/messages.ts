import * as v from '@badrap/valita';
import { jsonCodec, moment } from '../redis/codec.ts';
import { type Seen, seenSchema, shape } from './observation.ts';

/** What those who watch a listener are told. Moments are milliseconds since 1970. Never changed, only replaced. */
export type News = Readonly<{
  seen: Seen | null;
  /** Until when Spotify asked us to wait, and whether it is the quota that is used up. */
  waitingUntil: number | null;
  quota: boolean;
  /** Whether Spotify has given no answer lately. */
  silent: boolean;
  /** Until about when looks are rare, because few calls are left. */
  sparingUntil: number | null;
  /** Whether nobody can look, because our own database does not do its part. */
  stalled: boolean;
}>;

/** The same from a page, which does not know of looks. */
export type Heard = Omit<News, 'sparingUntil'> & { sparingUntil?: number | null | undefined };

/** What processes tell each other; each hears its own messages too, and has done already what they ask for. */
export type Message =
  | { kind: 'news'; from: string; accountId: string; news: Heard }
  | { kind: 'look' | 'changed'; from: string; accountId: string; since: number }
  | { kind: 'saved'; from: string; accountId: string; uri: string; saved: boolean }
  | { kind: 'invalidate'; from: string; accountId: string; names: readonly string[] }
  | { kind: 'end'; from: string; sessionIds: readonly string[] };

const news: v.Type<Heard> = v.object({
  seen: seenSchema.nullable(),
  waitingUntil: moment.nullable(),
  quota: v.boolean(),
  silent: v.boolean(),
  sparingUntil: moment.nullable().optional(),
  stalled: v.boolean(),
});

const common = { from: v.string(), accountId: v.string() };

/** Messages on the channel. Redis passes on whatever is published there, so their fields are checked as those of records are. */
export const messageCodec = jsonCodec<Message>({
  shape,
  schema: v.union(
    v.object({ ...common, kind: v.literal('news'), news }),
    v.object({
      ...common,
      kind: v.union(v.literal('look'), v.literal('changed')),
      since: moment,
    }),
    v.object({ ...common, kind: v.literal('saved'), uri: v.string(), saved: v.boolean() }),
    v.object({ ...common, kind: v.literal('invalidate'), names: v.array(v.string()) }),
    v.object({ from: v.string(), kind: v.literal('end'), sessionIds: v.array(v.string()) }),
  ),
});
