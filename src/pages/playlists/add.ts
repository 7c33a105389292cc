import * as v from '@badrap/valita';
import { type Request, type Response, Router } from 'express';
import type { RecentPlaylists } from '../../access/recent-playlists.ts';
import { routes } from '../../routes.ts';
import { BadRequest, NotFound, Refused } from '../../spotify/errors.ts';
import { maxOffset } from '../../spotify/limits.ts';
import { isId } from '../../spotify/uri.ts';
import { fallbackNames } from '../../web/display-names.ts';
import { isOneOf, Problem } from '../../web/errors.ts';
import { acceptFields, texts } from '../../web/fields.ts';
import type { Forms } from '../../web/forms.ts';
import { textOfNotice, withNotice } from '../../web/notices.ts';
import { pageNumber, pagesOf } from '../../web/paging.ts';
import { safeReturnPath } from '../../web/return-path.ts';
import type { SignedIn, SignedInListener } from '../../web/signed-in.ts';
import { checkSpotifyId, readUris, selectedRows, withUris } from '../../web/spotify-params.ts';
import { htmlOrJson, wantsJson } from '../../web/wants-json.ts';
import { AdditionUnknown, addToEnd } from './add-to-end.ts';
import { choicesOn, choicesPerPage } from './choice.ts';
import { filterIn } from './lists.ts';
import { maxPlaylists, noPlaylist, nothingThere, notYours, noUri, partlyAdded } from './problems.ts';
import type { AddedTo, UndoAddition } from './undo-addition.ts';

type Deps = {
  signedIn: SignedIn;
  forms: Forms;
  recentPlaylists: RecentPlaylists;
  undoAddition: UndoAddition;
  now: () => number;
  baseUrl: string;
};

const addResult = v.object({
  added: v.array(v.string().assert(isId)),
  failed: v.array(v.string().assert(isId)),
  /** Those that may or may not have the items: Spotify didn't respond. */
  unsure: v.array(v.string().assert(isId)),
  undo: v.string().nullable(),
});

/** Adding items to playlists: the page on which they are chosen, and its form. */
export function addPages({ signedIn, forms, recentPlaylists, undoAddition, baseUrl, now }: Deps): Router {
  const router = Router();
  router.param('id', checkSpotifyId);
  const runAdd = forms.createRunOnce(addResult);

  // One call for the item, if there is only one, and those of choicesOn.
  const show = signedIn.page(async (req, res, listener) => {
    const rows = selectedRows(req.query);
    const uris = readUris(withUris(rows.length > 0 ? { entry: rows } : req.query).uri, noUri);
    const page = pageNumber(req.query.page, Math.ceil(maxOffset / choicesPerPage));
    const query = filterIn(req.query.q);
    const { returnTo } = req.query;
    const item = uris.length === 1 ? await listener.spotify.item(String(uris[0])) : null;
    const recentIds = await recentPlaylists.list(listener.accountId);
    const { choices: playlists, total } = await choicesOn(listener, { uris, query, page, recentIds });
    const pages = pagesOf(total, choicesPerPage, page);

    res.set('Cache-Control', 'private, no-store').format({
      html: () =>
        res.render('playlists/add', {
          uris,
          item,
          playlists,
          query,
          page,
          pages,
          chosen: [req.query.playlist ?? []].flat().filter(isId),
          // safeguard: back-within-site
          returnTo: returnTo === undefined ? null : safeReturnPath(returnTo, baseUrl),
          canEdit: listener.hasScopesFor('addToPlaylist'),
        }),
      json: () => res.json({ uris, item, playlists, page, pages }),
    });
  });

  // One call for each playlist.
  const addToChosen = signedIn.page(async (req, res, listener) => {
    const uris = readUris(req.form.fields.uri, noUri);
    const ids = [...new Set([req.form.fields.playlist ?? []].flat())].filter(isId);
    if (ids.length === 0 || ids.length > maxPlaylists) throw new Problem(noPlaylist);
    await add(req, res, listener, { uris, ids, goTo: req.form.returnTo });
  });

  // The same for one playlist, whose page it leads to.
  const addToOne = signedIn.page(async (req, res, listener) => {
    const uris = readUris(req.form.fields.uri, noUri);
    const id = String(req.params.id);
    await add(req, res, listener, { uris, ids: [id], goTo: routes.playlist(id) });
  });

  router.get(routes.addToPlaylist(), htmlOrJson, show);
  const [uri, playlist] = [texts.optional(), texts.optional()];
  router.post(routes.addToPlaylist(), ...forms.read, acceptFields({ uri, playlist }), addToChosen);
  router.post(routes.playlistItems(':id'), ...forms.read, acceptFields({ uri }), addToOne);
  return router;

  type Adding = { uris: readonly string[]; ids: readonly string[]; goTo: string };

  async function add(req: Request, res: Response, listener: SignedInListener, { uris, ids, goTo }: Adding) {
    // Afterward the list of playlists isn't cached anymore.
    const nameOf = new Map(ids.map((id) => [id, listener.spotify.peekPlaylistName(id)]));
    const { added, failed, unsure, undo } = await runAdd(req, async () => {
      const since = now();
      const result = await addToAll(listener, uris, ids, since);
      const added = result.added.map(({ id }) => id);
      // It only decides what is offered first.
      await recentPlaylists.add(listener.accountId, added).catch(() => undefined);
      return { ...result, added, undo: await undoAddition.offer(req, uris, since, result.added) };
    }).catch(explain);
    const quote = (id: string) => `“${nameOf.get(id) ?? fallbackNames.playlist}”`;
    if (failed.length + unsure.length > 0) {
      const { returnTo } = req.form;
      const again = routes.addToPlaylist({ uri: uris, playlist: failed, returnTo });
      const names = { added: added.map(quote), failed: failed.map(quote), unsure: unsure.map(quote) };
      throw new Problem(partlyAdded(names, { added, failed, unsure }, again, undo));
    }
    const notice = goTo === routes.playlist(String(ids[0])) ? 'item-added' : 'items-added';
    if (!wantsJson(req)) return res.redirect(303, withNotice(goTo, notice, { undo }));
    const isNamed = added.every((id) => nameOf.get(id));
    const text = isNamed ? `Added to ${list(added.map(quote))}.` : textOfNotice(notice);
    res.json({ ...(ids.length === 1 && { id: ids[0] }), added, text, undo });
  }
}

/**
 * Adds these items to the end of each playlist. Once one of them has them, or may have them, a failure is no failure of the whole: `failed` are
 * those that haven't. `since`: the time, in milliseconds since 1970.
 */
async function addToAll(
  listener: SignedInListener,
  uris: readonly string[],
  ids: readonly string[],
  since: number,
) {
  const added: AddedTo[] = [];
  const failed: string[] = [];
  for (const [index, id] of ids.entries()) {
    try {
      added.push(await addToEnd(listener, id, uris, since));
    } catch (error) {
      const rest = ids.slice(index + 1);
      if (error instanceof AdditionUnknown) return { added, failed: [...failed, ...rest], unsure: [id] };
      // safeguard: report-partly-added
      if (added.length === 0) throw error;
      // Others may still be possible if it is only this one that Spotify refuses.
      if (isOneOf([Refused, NotFound, BadRequest], error)) failed.push(id);
      else return { added, failed: [...failed, id, ...rest], unsure: [] };
    }
  }
  return { added, failed, unsure: [] };
}

/** Says what it may mean that Spotify refuses an addition. */
function explain(error: unknown): never {
  // safeguard: words-for-missing-playlist
  if (error instanceof NotFound) throw new Problem(nothingThere);
  throw error instanceof Refused ? new Problem(notYours) : error;
}

function list(names: readonly string[]): string {
  return new Intl.ListFormat('en').format(names);
}
