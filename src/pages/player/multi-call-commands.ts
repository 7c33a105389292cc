import type { ListenerSpotify } from '../../access/listener-api.ts';
import { DeviceGone, NoActiveDevice, NotPossibleNow, SpotifyUnavailable } from '../../spotify/errors.ts';
import { tracksPerPage } from '../../spotify/limits.ts';
import { partsOf } from '../../spotify/uri.ts';
import { isOneOf } from '../../web/errors.ts';

type Spotify = ListenerSpotify['spotify'];

/** Only some items were added to the queue. */
export class PartlyQueued extends Error {
  override readonly name = 'PartlyQueued';
  /** The URIs of those that were added, in their order. */
  readonly added: readonly string[];

  constructor(added: readonly string[], all: readonly string[], cause: unknown) {
    super(`${added.length} of ${all.length} added`, { cause });
    this.added = added;
  }
}

/** None of the tracks or episodes can be played. */
export class NothingPlayable extends Error {
  override readonly name = 'NothingPlayable';
}

/** A list is playing, but not in random order. */
export class PlayedInOrder extends Error {
  override readonly name = 'PlayedInOrder';
}

/**
 * Adds these to the queue in their order, one call each, as Spotify's endpoint has it. Throws what the first call throws, and {@link PartlyQueued}
 * if a later one fails: added items can't be removed again.
 */
export async function addAllToQueue(spotify: Spotify, uris: readonly string[]): Promise<void> {
  for (const [index, uri] of uris.entries()) {
    try {
      await spotify.addToQueue(uri);
    } catch (error) {
      // safeguard: say-what-was-queued
      if (index === 0) throw error;
      throw new PartlyQueued(uris.slice(0, index), uris, error);
    }
  }
}

/** A position in the saved tracks, from 0, and what was there when the page was shown, if the command says so. */
type SavedPosition = { position: number; uri?: string | undefined };

/**
 * Returns the URIs of the saved tracks from a position on: the rest of its page and the page after it, so at most 100. Apps can't play saved tracks as
 * a list ("Start/Resume Playback" names albums, artists and playlists). Those that can't be played are left out, because Spotify accepts them and then plays
 * nothing. Throws NotPossibleNow if something else is at this position by now, and {@link NothingPlayable}.
 */
export async function savedTracksFrom(spotify: Spotify, { position, uri }: SavedPosition): Promise<string[]> {
  const page = Math.floor(position / tracksPerPage) + 1;
  const { items, total } = await spotify.savedTracks(page);
  const rest = items.filter((one) => one.position >= position);
  const first = rest[0];
  // safeguard: play-the-chosen-saved-track
  if (first?.position !== position || (uri !== undefined && first.item?.uri !== uri))
    throw new NotPossibleNow('Not at this position in the library', 'NO_SPECIFIC_TRACK');
  const isLast = total !== null && page * tracksPerPage >= total;
  const next = isLast ? [] : (await spotify.savedTracks(page + 1)).items;
  // safeguard: play-playable-tracks
  const uris = [...rest, ...next].flatMap(({ item }) => (item?.restriction ? [] : (item?.uri ?? [])));
  if (uris.length === 0) throw new NothingPlayable('No playable track');
  return uris;
}

/**
 * Returns the URIs of the latest episodes of a podcast that can be played, at most 50, the latest first. Spotify doesn't document podcasts as something
 * to play as a whole, and begins with the oldest episode (GitHub: thelinmichael/spotify-web-api-node#365). Throws {@link NothingPlayable}.
 */
export async function latestEpisodes(spotify: Spotify, show: string): Promise<string[]> {
  const { episodes } = await spotify.show(partsOf(show).id);
  // safeguard: play-playable-episodes
  const uris = episodes.items.flatMap(({ item }) => (item.restriction ? [] : (item.uri ?? [])));
  if (uris.length === 0) throw new NothingPlayable('No playable episode');
  return uris;
}

/**
 * Turns shuffle on and plays a list from anywhere in it: with shuffle on and no offset, Spotify chooses where to begin. On a device that isn't active yet,
 * and if the current list can't be shuffled, such as radio, the list has to play first. Throws what the calls throw, and {@link PlayedInOrder} if
 * shuffle is refused after that: a device that has just woken up may not accept it yet.
 */
export async function playShuffled(
  spotify: Spotify,
  context: string,
  deviceId: string | null,
): Promise<void> {
  // safeguard: shuffle-before-playing
  const isShuffled = deviceId === null && (await turnOnShuffle(spotify));
  await spotify.play({ start: { context, offset: null }, deviceId, positionMs: null });
  // safeguard: shuffle-after-radio
  if (!isShuffled) await spotify.setShuffle(true, deviceId).catch(explainOrder);
}

function explainOrder(error: unknown): never {
  // safeguard: say-that-it-plays
  if (isOneOf([NotPossibleNow, NoActiveDevice, DeviceGone, SpotifyUnavailable], error))
    throw new PlayedInOrder('Shuffle was refused', { cause: error });
  throw error;
}

/** Turns shuffle on. Returns false if the current list doesn't allow that. */
async function turnOnShuffle(spotify: Spotify): Promise<boolean> {
  try {
    await spotify.setShuffle(true);
    return true;
  } catch (error) {
    if (error instanceof NotPossibleNow) return false;
    throw error;
  }
}
