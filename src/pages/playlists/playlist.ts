import type { Request, Response } from 'express';
import { routes } from '../../routes.ts';
import { Refused } from '../../spotify/errors.ts';
import { entriesPerPage, maxOffset } from '../../spotify/limits.ts';
import type { PlaylistDetails } from '../../spotify/playlist-change-calls.ts';
import { canPlay } from '../../web/can-play.ts';
import type { CoverColors } from '../../web/cover-colors.ts';
import type { ErrorPage } from '../../web/errors.ts';
import { type NoticeName, noticeIn } from '../../web/notices.ts';
import { pageNumber, pagesOrRedirect } from '../../web/paging.ts';
import type { SignedInListener } from '../../web/signed-in.ts';
import { wantsJson } from '../../web/wants-json.ts';

/** A refused form for changing the details: what was sent, and why it was refused. */
type FailedEdit = { details: PlaylistDetails; problem: ErrorPage };

type Deps = { coverColors: CoverColors };
type RenderOptions = { id: string; page: number; failedEdit?: FailedEdit };

export type PlaylistPage = ReturnType<typeof createPlaylistPage>;

/** Creates the page of a playlist, which takes its color from the cover. */
export function createPlaylistPage({ coverColors }: Deps) {
  return { showPlaylist, showFailedEdit };

  /**
   * A page of a playlist. Two calls to Spotify for the first page, one for each further page, and one if Spotify doesn't say what is in
   * the playlist.
   */
  async function showPlaylist(req: Request, res: Response, listener: SignedInListener): Promise<void> {
    const id = String(req.params.id);
    const page = pageNumber(req.query.page, maxOffset / entriesPerPage + 1);
    if (noticeIn(req) !== null) listener.invalidateHere('playlist', id);
    await renderPlaylist(req, res, listener, { id, page });
  }

  /** The page of a playlist with its edit form open, filled in as it was sent. */
  async function showFailedEdit(
    req: Request,
    res: Response,
    listener: SignedInListener,
    failedEdit: FailedEdit,
  ): Promise<void> {
    res.status(failedEdit.problem.status);
    await renderPlaylist(req, res, listener, { id: String(req.params.id), page: 1, failedEdit });
  }

  async function renderPlaylist(
    req: Request,
    res: Response,
    listener: SignedInListener,
    { id, page, failedEdit }: RenderOptions,
  ): Promise<void> {
    const { spotify } = listener;
    // Further pages show the playlist as it was on the first page.
    const playlist = await (page === 1 ? spotify.playlist(id) : spotify.cachedPlaylist(id));
    const contents = playlist.readable ? await entriesOf(listener, id, playlist.snapshotId, page) : null;
    const { items: entries, total } = contents ?? { items: null, total: 0 };
    const at = (page: number) => routes.playlist(id, { page });
    const shown = { page, perPage: entriesPerPage, at };
    const pages = pagesOrRedirect(req, res, contents ?? { items: [], total: 0 }, shown);
    if (pages === null) return;
    const isOwn = playlist.ownerId === listener.id;
    const isEditable = entries !== null && (isOwn || playlist.collaborative);

    res.set('Cache-Control', 'private, no-store').vary('Accept');
    if (wantsJson(req)) return void res.json({ playlist, entries, page, pages, total });
    res.render('playlists/playlist', {
      playlist,
      color: coverColors.of(playlist.covers),
      entries,
      page,
      pages,
      total,
      entriesPerPage,
      uri: `spotify:playlist:${id}`,
      canPlay: canPlay(listener),
      canSave: listener.hasScopesFor('saveToLibrary'),
      failedEdit: failedEdit ?? null,
      isOwn,
      isFollowed: isFollowed(listener, `spotify:playlist:${id}`, noticeIn(req)),
      canFollow: listener.hasScopesFor('followPlaylist'),
      isEditable,
      canEdit: isEditable && listener.hasScopesFor('removeFromPlaylist'),
    });
  }
}

/** Null if that isn't known without a call. A notice says what a button has done, even if another process did it. */
function isFollowed({ spotify }: SignedInListener, uri: string, notice: NoticeName | null): boolean | null {
  return notice === 'playlist-followed' || spotify.knownSaved(uri);
}

/** Null if the playlist is someone else's: new apps get its name and cover, but not its contents. */
async function entriesOf({ spotify }: SignedInListener, id: string, snapshotId: string | null, page: number) {
  try {
    return await spotify.playlistEntries(id, snapshotId, page);
  } catch (error) {
    if (error instanceof Refused) return null;
    throw error;
  }
}
