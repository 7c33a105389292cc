import type { CatalogJson } from './catalog-json.ts';
import type { Json, JsonContext, JsonHelpers, JsonObject } from './json.ts';
import type { Entry, Owner, Playlist } from './playlists.ts';
import { createRandom } from './random.ts';

/** The version and market that a request asks for. */
export type ItemOptions = { includesEpisodes: boolean; hasMarket?: boolean };

export type PlaylistJson = ReturnType<typeof createPlaylistJson>;

type Deps = { context: JsonContext; helpers: JsonHelpers; catalog: CatalogJson };

export function createPlaylistJson({ context: { origin, apiUrl }, helpers, catalog }: Deps) {
  const { hasLegacy, hasCurrent, renamed, links, images, paging } = helpers;

  /** A track, local file or episode. Without `additional_types=episode` an episode is null. */
  const item = (
    item: Entry['item'],
    { includesEpisodes, hasMarket = false }: ItemOptions,
    isPlayable = true,
  ): Json => {
    if (item === null) return null;
    if (item.kind === 'track') return catalog.trackInMarket(item, hasMarket, isPlayable);
    if (item.kind === 'local') return catalog.localTrack(item);
    return includesEpisodes ? catalog.episode(item) : null;
  };

  const entry =
    (options: ItemOptions) =>
    (entry: Entry): JsonObject => ({
      added_at: entry.addedAt,
      added_by: entry.addedBy === null ? null : links('user', entry.addedBy),
      is_local: entry.item?.kind === 'local',
      primary_color: null,
      ...renamed('track', 'item', item(entry.item, options, entry.isPlayable)),
    });

  const owner = ({ id, name }: Owner): JsonObject => {
    if (id) return { ...links('user', id), display_name: name };
    const { id: _, external_urls: __, ...withoutId } = links('user', id);
    return { ...withoutId, external_urls: {}, display_name: name };
  };

  const playlistImages = (playlist: Playlist): Json => {
    switch (playlist.picture) {
      case 'null':
        return null;
      case 'none':
        return [];
      case 'own':
        return [{ url: `${origin}/covers/640/${playlist.id}.jpg`, height: null, width: null }];
      case 'uploaded':
        return [{ url: `${origin}/covers/uploaded/${playlist.id}.jpg`, height: null, width: null }];
      case 'drawn':
        return images(playlist.id);
    }
  };

  const itemsUrl = (id: string): string => `${apiUrl}/playlists/${id}/${hasCurrent ? 'items' : 'tracks'}`;

  const playlistFields = (playlist: Playlist): JsonObject => ({
    ...links('playlist', playlist.id),
    name: playlist.name,
    description: playlist.description,
    collaborative: playlist.collaborative,
    images: playlistImages(playlist),
    owner: owner(playlist.owner),
    primary_color: null,
    public: playlist.isPublic,
    snapshot_id: snapshotId(playlist),
  });

  const playlistSummary = (playlist: Playlist): JsonObject => ({
    ...playlistFields(playlist),
    ...renamed('tracks', 'items', {
      href: itemsUrl(playlist.id),
      total: playlist.hasTotal ? playlist.entries.length : null,
    }),
  });

  return {
    item,
    entry,
    playlistSummary,
    playlistOrNull: (playlist: Playlist | null): Json => playlist && playlistSummary(playlist),

    /** Version 2026-02 leaves out the items unless the listener owns the playlist or collaborates on it. */
    playlist(playlist: Playlist, isOwnOrShared: boolean, entryJson: (entry: Entry) => Json): JsonObject {
      const limit = hasCurrent ? 50 : 100;
      const items = playlist.entries.slice(0, limit);
      const page = { items, total: playlist.entries.length, limit, offset: 0 };
      const hasItems = hasLegacy || isOwnOrShared;
      return {
        ...playlistFields(playlist),
        followers: { href: null, total: createRandom(playlist.id).between(0, 40) },
        ...(hasItems
          ? renamed('tracks', 'items', paging(new URL(itemsUrl(playlist.id)), page, entryJson))
          : {}),
      };
    },
  };
}

/** Identifies one version of a playlist. */
export function snapshotId({ id, version }: Playlist): string {
  return Buffer.from(`${version},${id}`).toString('base64');
}
