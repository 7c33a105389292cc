import { NotFound } from './errors.ts';

/** No object at Spotify has such a path, so no call is made. */
class ImpossiblePath extends NotFound {
  override readonly wasAsked = false;
}

/** Returns whether this is a Spotify id: a number in base 62, of 22 characters ("Spotify URIs and IDs"). Ids of listeners are free-form. */
export function isId(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z\d]{22}$/.test(value);
}

/** Returns whether this is the URI of a track or an episode; not of a local file, which has no id (same page). */
export function isUri(value: unknown): value is string {
  return typeof value === 'string' && /^spotify:(track|episode):[A-Za-z\d]{22}$/.test(value);
}

/** Returns whether this is the URI of a list that can be played as a whole, or of a show (same page). */
export function isContextUri(value: unknown): value is string {
  return typeof value === 'string' && /^spotify:(album|artist|playlist|show):[A-Za-z\d]{22}$/.test(value);
}

export function isShowUri(value: unknown): value is string {
  return isContextUri(value) && value.startsWith('spotify:show:');
}

/** Returns whether this is the URI of something that a listener can save or follow ("Save Items to Library"; artists: "Follow Artists"). */
export function isLibraryUri(value: unknown): value is string {
  return isUri(value) || isContextUri(value);
}

/** Returns whether Spotify tells in both versions whether the library contains this ("Check User's Saved Items", and those of each kind). */
export function isCheckableUri(value: unknown): value is string {
  return isLibraryUri(value) && /:(track|episode|album|show):/.test(value);
}

/** Returns whether this is the URI of a list that Spotify plays as a whole ("Start/Resume Playback": album, artist, playlist). */
export function isPlayableContext(value: unknown): value is string {
  // safeguard: playable-contexts
  return isContextUri(value) && !isShowUri(value);
}

/** Returns whether playback of this list can start at one of its items (same page: only albums and playlists). */
export function hasPlaces(context: string | null | undefined): boolean {
  return isContextUri(context) && /:(album|playlist):/.test(context);
}

/** Returns whether this can be the id of a device. Spotify documents no format; devices choose their own. */
export function isDeviceId(value: unknown): value is string {
  return typeof value === 'string' && /^[\w-]{1,128}$/.test(value);
}

/** The kinds of things that have a URI and a page. */
export type UriKind = 'track' | 'episode' | 'album' | 'artist' | 'playlist' | 'show';

/** Returns the kind and id in a URI that {@link isLibraryUri} accepts. */
export function partsOf(uri: string): { kind: UriKind; id: string } {
  const [, kind, id = ''] = uri.split(':');
  return { kind: kind as UriKind, id };
}

/**
 * Returns a path of the Web API with each segment encoded, so that no id, whatever it contains, can change where the call goes. Throws NotFound
 * for a segment that URL parsers would drop or resolve.
 */
export function pathTo(...segments: readonly string[]): string {
  // safeguard: refuse-dot-segments
  if (segments.some((one) => /^\.{0,2}$/.test(one)))
    throw new ImpossiblePath('An empty or dotted path segment');
  // safeguard: encode-path-segments
  return segments.map((one) => `/${encodeURIComponent(one.toWellFormed())}`).join('');
}
