import * as v from '@badrap/valita';
import type { Dated, Playback } from './types.ts';
import { isUri } from './uri.ts';

/*
 * Checks for what was parsed from an answer of Spotify's, kept in Redis and read again: by then it may have been damaged. Each says
 * yes to everything that answers.ts makes, and to nothing that a page could not show.
 */

/** A number that is none of the odd ones, and not below zero. */
export const amount = v.number().assert((value) => Number.isFinite(value) && value >= 0);
// Only such links and pictures are trusted when an answer is parsed: never one that runs a script.
const link = v.string().assert((value) => /^https?:\/\//.test(value));
const uri = v.string().assert(isUri).nullable();
const named = v.object({ name: v.string(), link: link.nullable() });
const image = v.object({ url: link, width: amount.nullable(), height: amount.nullable() });

const what = {
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
    ...what,
    artists: v.array(named),
    album: named.nullable(),
    local: v.boolean(),
  }),
  v.object({ kind: spoken, ...what, show: named.nullable(), authors: v.array(named) }),
);

const device = v.object({
  id: v.string().nullable(),
  active: v.boolean(),
  restricted: v.boolean(),
  name: v.string().nullable(),
  type: v.string().nullable(),
  volumePercent: amount.nullable(),
  privateSession: v.boolean(),
});

/** What the player does. */
export const playbackSchema: v.Type<Playback> = v.union(
  v.object({ state: v.literal('nothing') }),
  v.object({
    state: v.union(v.literal('playing'), v.literal('paused')),
    kind: v.union(v.literal('track'), spoken, v.literal('ad'), v.literal('unknown')),
    item: item.nullable(),
    progressMs: amount.nullable(),
    device: device.nullable(),
    disallows: v.array(v.string()),
  }),
);

/** Something that was played, and when. */
export const datedSchema: v.Type<Dated> = v.object({
  item,
  at: v.string().nullable(),
});
