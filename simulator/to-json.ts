import { createCatalogJson } from './catalog-json.ts';
import { createJsonHelpers, type JsonContext, type JsonHelpers, type JsonObject } from './json.ts';
import type { Saved, SavedTrack } from './library.ts';
import type { Listener } from './listeners.ts';
import { createPlayerJson } from './player-json.ts';
import { createPlaylistJson } from './playlist-json.ts';

export type ToJson = ReturnType<typeof createToJson>;

/**
 * Converts the simulator's objects to Spotify's JSON, in one version of the Web API (Spotify: "Web API changelog, February, March and
 * May 2026"): `2026-02` has the current names, `legacy` the earlier ones, `both` has both.
 */
export function createToJson(context: JsonContext) {
  const helpers = createJsonHelpers(context);
  const catalog = createCatalogJson({ context, helpers });
  const playlists = createPlaylistJson({ context, helpers, catalog });
  return {
    paging: helpers.paging,
    cursorPaging: helpers.cursorPaging,
    ...catalog,
    ...playlists,
    ...createPlayerJson({ helpers, catalog, playlists }),

    me: (listener: Listener, scopes: readonly string[]): JsonObject =>
      meJson(listener, scopes, context.origin, helpers),

    /** The field `track` was never renamed (Spotify: "Get User's Saved Tracks", `SavedTrackObject`). */
    savedTrack:
      (hasMarket: boolean) =>
      ({ track, at }: SavedTrack): JsonObject => ({
        added_at: timeOf(at),
        track: catalog.trackInMarket(track, hasMarket),
      }),

    /** Nor were the others (Spotify: `SavedAlbumObject`, `SavedShowObject`, `SavedEpisodeObject`). */
    saved:
      <T>(name: 'album' | 'show' | 'episode', toJson: (object: T) => JsonObject) =>
      ({ object, at }: Saved<T>): JsonObject => ({ added_at: timeOf(at), [name]: toJson(object) }),
  };
}

function timeOf(at: number): string {
  return new Date(at).toISOString().replace(/\.\d+Z/, 'Z');
}

/** Private fields need a scope. */
function meJson(
  listener: Listener,
  scopes: readonly string[],
  origin: string,
  { links, legacyOnly, hasCurrent }: JsonHelpers,
): JsonObject {
  const { id, accountId, name, hasPicture, email, country, product } = listener;
  const pictures = [300, 64].map((size) => ({
    url: `${origin}/people/${size}/${id}.svg`,
    height: size,
    width: size,
  }));
  const explicitContent = { filter_enabled: false, filter_locked: false };
  return {
    ...links('user', id),
    display_name: name,
    images: hasPicture ? pictures : [],
    ...(hasCurrent ? { account_id: accountId } : {}),
    ...legacyOnly({
      followers: { href: null, total: 12 },
      ...(scopes.includes('user-read-private')
        ? { country, product, explicit_content: explicitContent }
        : {}),
      ...(scopes.includes('user-read-email') ? { email } : {}),
    }),
  };
}
