import * as v from '@badrap/valita';
import type { Playback, TimestampedItem } from './types.ts';
import { isContextUri, isUri } from './uri.ts';

/*
 * Schemas of parsed responses that are stored in Redis, where they may be damaged. Each accepts everything that parse.ts returns, and nothing
 * that a page could not show.
 */

/** A finite number, 0 or more. */
export const amount = v.number().assert((value) => Number.isFinite(value) && value >= 0);
// The parser trusts only links and images like these. One with another scheme could run a script.
const link = v.string().assert((value) => /^https?:\/\//.test(value));
const uri = v.string().assert(isUri).nullable();
const contextUri = v.string().assert(isContextUri).nullable();
// Records of earlier versions have no URI.
const named = v.object({ name: v.string(), link: link.nullable(), uri: contextUri.optional(() => null) });
const image = v.object({ url: link, width: amount.nullable(), height: amount.nullable() });

const playable = {
  uri,
  name: v.string().nullable(),
  link: link.nullable(),
  covers: v.array(image),
  durationMs: amount.nullable(),
  explicit: v.boolean(),
  restriction: v.string().nullable(),
};

const spoken = v.union(v.literal('episode'), v.literal('chapter'), v.literal('audiobook'));

const item = v.union(
  v.object({
    kind: v.literal('track'),
    ...playable,
    artists: v.array(named),
    album: named.nullable(),
    local: v.boolean(),
  }),
  v.object({ kind: spoken, ...playable, show: named.nullable(), authors: v.array(named) }),
);

const device = v.object({
  id: v.string().nullable(),
  active: v.boolean(),
  restricted: v.boolean(),
  name: v.string().nullable(),
  type: v.string().nullable(),
  volumePercent: amount.nullable(),
  supportsVolume: v.boolean(),
  privateSession: v.boolean(),
});

export const playbackSchema: v.Type<Playback> = v.union(
  v.object({ state: v.literal('nothing') }),
  v.object({
    state: v.union(v.literal('playing'), v.literal('paused')),
    kind: v.union(v.literal('track'), spoken, v.literal('ad'), v.literal('unknown')),
    item: item.nullable(),
    progressMs: amount.nullable(),
    device: device.nullable(),
    disallows: v.array(v.string()),
    shuffle: v.boolean().nullable(),
    repeat: v.union(v.literal('off'), v.literal('context'), v.literal('track')).nullable(),
    context: v.string().nullable(),
  }),
);

export const timestampedItemSchema: v.Type<TimestampedItem> = v.object({
  item,
  at: v.string().nullable(),
});
