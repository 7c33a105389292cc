import * as v from '@badrap/valita';
import { type Request, Router } from 'express';
import { routes } from '../../routes.ts';
import { entriesPerPage, maxOffset } from '../../spotify/limits.ts';
import { Problem } from '../../web/errors.ts';
import { acceptFields } from '../../web/fields.ts';
import type { Forms } from '../../web/forms.ts';
import { noticeIn, textOfNotice, withNotice } from '../../web/notices.ts';
import { minTotalOf, pageNumber, pagesOf } from '../../web/paging.ts';
import type { SignedIn, SignedInListener } from '../../web/signed-in.ts';
import { checkSpotifyId } from '../../web/spotify-params.ts';
import { htmlOrJson, wantsJson } from '../../web/wants-json.ts';
import { pageInReturn, showConflict } from './conflict.ts';
import { changeRefused, changeUnknown, noEntry, noPosition, playlistChanged } from './problems.ts';
import { changeVersion, readSnapshot } from './version.ts';

type Deps = { signedIn: SignedIn; forms: Forms };

const result = v.object({
  outcome: v.union(v.literal('done'), v.literal('changed'), v.literal('refused'), v.literal('unknown')),
  /** The version after the move. */
  snapshotId: v.string().nullable(),
});

const textOrNumber = v.union(v.string(), v.number());
const moveFields = {
  snapshot: v.string().optional(),
  entry: textOrNumber.optional(),
  to: textOrNumber.optional(),
  direction: v.union(v.literal('up'), v.literal('down')).optional(),
};

/** The order of a playlist: a page with a form for each item, and the move of one. */
export function orderPages({ signedIn, forms }: Deps): Router {
  const router = Router();
  router.param('id', checkSpotifyId);
  const runMove = forms.createRunOnce(result);

  // Two calls to Spotify, none for those that are cached.
  const show = signedIn.page(async (req, res, listener) => {
    const id = String(req.params.id);
    const page = pageNumber(req.query.page, maxOffset / entriesPerPage + 1);
    if (noticeIn(req) !== null) listener.invalidateHere('playlist', id);
    listener.requireScopesFor('moveInPlaylist');
    const playlist = await listener.spotify.playlist(id);
    const contents = await listener.spotify.playlistEntries(id, playlist.snapshotId, page);
    const total = minTotalOf(contents, (page - 1) * entriesPerPage, entriesPerPage);
    const pages = pagesOf(total, entriesPerPage, page);
    const { items: entries } = contents;

    res.set('Cache-Control', 'private, no-store').format({
      html: () => res.render('playlists/order', { playlist, entries, page, pages, total, entriesPerPage }),
      json: () => res.json({ playlist, entries, page, pages, total }),
    });
  });

  // One call to Spotify; one more, or for a relinked track up to three, if the item isn't on a page that is cached.
  const move = signedIn.page(async (req, res, listener) => {
    const id = String(req.params.id);
    const { from, to, uri } = readMove(req);
    const snapshotId = readSnapshot(req.form);
    const seen = listener.spotify.peekEntries(id, snapshotId, pageInReturn(req, id));
    const moved = await runMove(req, async () => {
      // safeguard: move-what-was-meant
      if (!(await isInPlace(listener, id, { snapshotId, from, to, uri }))) {
        await listener.invalidate('playlist', id);
        return { outcome: 'changed' as const, snapshotId: null };
      }
      const rememberMoved = pageToRemember(listener, id, { snapshotId, from, to });
      return changeVersion(listener, id, {
        snapshotId,
        async send(version) {
          const next = await listener.spotify.moveInPlaylist(id, { from, to, snapshotId: version });
          rememberMoved(next);
          return next;
        },
        async isMade(latest) {
          if (uri === '') return null;
          const { items } = await listener.spotify.playlistUris(id, {
            snapshotId: latest.snapshotId,
            from: to,
          });
          return items[0]?.uri === uri;
        },
      });
    });
    const path = routes.playlistOrder(id, { page: Math.floor(to / entriesPerPage) + 1 });
    if (moved.outcome === 'changed') {
      if (wantsJson(req)) throw new Problem(playlistChanged);
      const action = {
        path: routes.moveInPlaylist(id),
        button: 'Move',
        entries: [{ uri, position: from }],
        fields: { to: String(to + 1) },
      };
      return showConflict(req, res, listener, { id, seen, action });
    }
    if (moved.outcome === 'refused') {
      if (wantsJson(req)) throw new Problem(changeRefused);
      return res.redirect(303, withNotice(path, 'change-refused'));
    }
    if (moved.outcome === 'unknown') {
      if (wantsJson(req)) throw new Problem(changeUnknown());
      return res.redirect(303, withNotice(path, 'change-unknown'));
    }
    if (wantsJson(req))
      res.json({
        id,
        from: from + 1,
        to: to + 1,
        snapshotId: moved.snapshotId,
        text: textOfNotice('item-moved'),
      });
    else res.redirect(303, `${withNotice(path, 'item-moved')}#row-${to + 1}`);
  });

  router.get(routes.playlistOrder(':id'), htmlOrJson, show);
  router.post(routes.moveInPlaylist(':id'), ...forms.read, acceptFields(moveFields), move);
  return router;
}

type Move = { from: number; to: number; uri: string };

/**
 * Reads which item to move, and where to; both from 0. A form sends the item as `entry` (its position, from 0, and URI) and the new position, from 1,
 * as `to`, or the `direction`. Throws {@link Problem} if one of them is missing or impossible.
 */
function readMove({ form }: Request): Move {
  const { fields } = form;
  const [, shown, uri = ''] = /^(\d{1,6})(?: (\S+))?$/.exec(String(fields.entry ?? '')) ?? [];
  if (shown === undefined) throw new Problem(noEntry);
  const from = Number(shown);
  const steps = { up: -1, down: 1 };
  const step = steps[fields.direction as keyof typeof steps] ?? null;
  // A button for a step wins over the field beside it.
  const position = Number(/^\d{1,6}$/.exec(String(fields.to ?? '').trim()) ?? Number.NaN);
  const to = step === null ? position - 1 : from + step;
  // safeguard: possible-positions
  if (!(to >= 0 && to <= maxOffset)) throw new Problem(noPosition);
  return { from, to, uri };
}

/**
 * Whether the item is at its position in the playlist, as far as its URI is known: a row without one, such as one that is gone, has only its position. Makes no
 * call if the page with it is cached. Throws {@link Problem} if this version of the playlist has no such positions.
 */
async function isInPlace(
  listener: SignedInListener,
  id: string,
  { snapshotId, from, to, uri }: Move & { snapshotId: string },
): Promise<boolean> {
  const { spotify } = listener;
  const cached = spotify.peekEntries(id, snapshotId, Math.floor(from / entriesPerPage) + 1);
  const isPast = (total: number | null) => total !== null && Math.max(from, to) >= total;
  // safeguard: positions-within-playlist
  if (cached && isPast(cached.total)) throw new Problem(noPosition);
  const shown = cached?.items[from % entriesPerPage];
  if (shown && (uri === '' || shown.item?.uri === uri)) return true;

  const { items, total } = await spotify.playlistUris(id, { snapshotId, from });
  if (isPast(total)) {
    // Spotify sends the latest version, which may be shorter.
    const latest = await spotify.freshPlaylist(id);
    if (latest.snapshotId === snapshotId) throw new Problem(noPosition);
    return false;
  }
  const there = items[0]?.uri;
  if (uri === '' || there === uri) return true;
  const [original] = await spotify.originalsInPlaylist(id, [{ uri, position: from }]);
  return original !== null && original === there;
}

/**
 * Returns a function that takes the version after a move, and caches the page as the move has left it, so that the next move needn't read it; nothing for a
 * move to another page.
 */
function pageToRemember(
  { spotify }: SignedInListener,
  id: string,
  { snapshotId, from, to }: Omit<Move, 'uri'> & { snapshotId: string },
): (next: string | null) => void {
  const index = Math.floor(from / entriesPerPage);
  const cached = spotify.peekEntries(id, snapshotId, index + 1);
  if (cached === null || Math.floor(to / entriesPerPage) !== index) return () => undefined;
  const items = [...cached.items];
  const moved = items.splice(from % entriesPerPage, 1);
  items.splice(to % entriesPerPage, 0, ...moved);
  return (next) => {
    if (next !== null) spotify.rememberEntries(id, next, index + 1, { ...cached, items });
  };
}
