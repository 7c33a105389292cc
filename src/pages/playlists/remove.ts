import * as v from '@badrap/valita';
import { type Request, type Response, Router } from 'express';
import type { ShownEntry } from '../../access/relinking.ts';
import { routes } from '../../routes.ts';
import { maxChangedItems } from '../../spotify/limits.ts';
import type { PlaylistRow } from '../../spotify/types.ts';
import { Problem } from '../../web/errors.ts';
import { acceptFields, flag, isYes, position, texts } from '../../web/fields.ts';
import type { Forms } from '../../web/forms.ts';
import { withNotice } from '../../web/notices.ts';
import type { SignedIn, SignedInListener } from '../../web/signed-in.ts';
import { checkSpotifyId, readEntry, refuseMixedRows, selectedRows } from '../../web/spotify-params.ts';
import { wantsJson } from '../../web/wants-json.ts';
import { pageInReturn, showConflict } from './conflict.ts';
import { areGone, maxRuns, maxUnaskedItems, type PlacedItem, putBack, readRows, runsOf } from './contents.ts';
import {
  changeRefused,
  changeUnknown,
  copiesMissing,
  keepOneOnly,
  nothingToRemove,
  playlistChanged,
  severalCopies,
  tooLong,
} from './problems.ts';
import type { UndoRemoval } from './undo-removal.ts';
import { changeVersion, readSnapshot } from './version.ts';

type Deps = { signedIn: SignedIn; forms: Forms; undoRemoval: UndoRemoval };

const result = v.object({
  outcome: v.union(
    v.literal('done'),
    v.literal('changed'),
    v.literal('refused'),
    v.literal('unknown'),
    v.literal('ask'),
    v.literal('too long'),
    v.literal('copies missing'),
  ),
  /** All copies that would go; null if the playlist is too long to count them. */
  copies: v.number().nullable(),
  /** The name of the item, if it is only one. */
  name: v.string().nullable(),
  /** Whether the removal can be undone; only for `ask`. */
  canUndo: v.boolean().optional(() => false),
  undo: v.string().nullable(),
});
type RemovalResult = v.Infer<typeof result>;

/** Rows of a playlist: of its checkboxes (see `selectedRows`), or one by its URI. */
const rowFields = {
  snapshot: v.string().optional(),
  entry: texts.optional(),
  unplayable: texts.optional(),
  uri: v.string().optional(),
  position: position.optional(),
  place: position.optional(),
};
const removalFields = { ...rowFields, confirmed: flag.optional(), count: flag.optional() };

const nothing = { copies: null, name: null, canUndo: false, undo: null };

/** Removing items from a playlist, and all copies of one but one. */
export function removalPages({ signedIn, forms, undoRemoval }: Deps): Router {
  const router = Router();
  router.param('id', checkSpotifyId);
  const runRemove = forms.createRunOnce(result);
  const runKeepOne = forms.createRunOnce(result);

  // One call for each fifty items, up to four, if they aren't cached; and one to remove. For relinked tracks up to two more: see createRelinking.
  const remove = signedIn.page(async (req, res, listener) => {
    const removal = readRemoval(req);
    const { id, snapshotId, entries } = removal;
    const seen = listener.spotify.peekEntries(id, snapshotId, pageInReturn(req, id));
    const removed = await runRemove(req, () => removeItems(req, listener, removal));
    if (removed.outcome === 'ask') return askFirst(req, res, removal, removed);
    const action = { path: routes.removeFromPlaylist(id), button: 'Remove', entries };
    await finish(req, res, listener, removed, 'removed-with-undo', () =>
      showConflict(req, res, listener, { id, seen, action }),
    );
  });

  // One call for each fifty items, one to remove and one to put one back.
  const keepOne = signedIn.page(async (req, res, listener) => {
    const removal = readRemoval(req);
    const { id, snapshotId, entries } = removal;
    const seen = listener.spotify.peekEntries(id, snapshotId, pageInReturn(req, id));
    const chosen = await runKeepOne(req, () => keepOnly(req, listener, removal));
    const action = { path: routes.keepOneInPlaylist(id), button: 'Keep one of', entries };
    await finish(req, res, listener, chosen, 'one-left', () =>
      showConflict(req, res, listener, { id, seen, action }),
    );
  });

  router.post(routes.removeFromPlaylist(':id'), ...forms.read, acceptFields(removalFields), remove);
  router.post(routes.keepOneInPlaylist(':id'), ...forms.read, acceptFields(rowFields), keepOne);
  return router;

  async function removeItems(
    req: Request,
    listener: SignedInListener,
    removal: Removal,
  ): Promise<RemovalResult> {
    const { id, snapshotId, entries, isConfirmed, isCounting } = removal;
    const rows = await readRows(listener, id, snapshotId, isCounting ? undefined : maxUnaskedItems);
    const uris = await originalsOf(listener, id, entries, rows);
    if (uris === null) return { ...nothing, outcome: 'changed' };
    const copies = rows && copiesOf(rows, uris);
    const name = uris.length === 1 ? (rows?.find(({ uri }) => uri === uris[0])?.name ?? null) : null;
    const canUndo = copies !== null && runsOf(copies).length <= maxRuns;
    const ask = { ...nothing, outcome: 'ask' as const, copies: copies?.length ?? null, name, canUndo };
    // Someone who wants to know how many there are decides after that.
    const isQuestion = isCounting && !wantsJson(req);
    // safeguard: ask-before-removing-copies
    if (!isConfirmed && (isQuestion || copies === null || copies.length > entries.length)) return ask;
    const firstPosition =
      copies?.[0]?.position ?? Math.min(...entries.map(({ position }) => position ?? Infinity));
    const changed = await removeAll(listener, removal, {
      uris,
      position: Number.isFinite(firstPosition) ? firstPosition : null,
      total: rows && copies && rows.length - copies.length,
    });
    if (changed.outcome !== 'done' && changed.outcome !== 'unknown')
      return { ...nothing, outcome: changed.outcome };
    // safeguard: undo-only-what-can-be-put-back
    const items = canUndo ? copies : null;
    const undo = await undoRemoval.offer(req, items && { id, items, snapshotId: changed.snapshotId });
    return { ...nothing, outcome: changed.outcome, undo };
  }

  async function keepOnly(
    req: Request,
    listener: SignedInListener,
    removal: Removal,
  ): Promise<RemovalResult> {
    const { id, snapshotId, entries } = removal;
    const rows = await readRows(listener, id, snapshotId);
    if (rows === null) return { ...nothing, outcome: 'too long' };
    const uris = await originalsOf(listener, id, entries, rows);
    if (uris === null) return { ...nothing, outcome: 'changed' };
    // safeguard: keep-one-of-one-item
    if (uris.length > 1) throw new Problem(keepOneOnly);
    const copies = copiesOf(rows, uris);
    const position = entries[0]?.position ?? copies[0]?.position;
    const chosen = copies.find((one) => one.position === position);
    if (!chosen) return { ...nothing, outcome: 'changed' };
    const others = copies.filter((one) => one !== chosen);
    if (runsOf(others).length > maxRuns) return { ...nothing, outcome: 'too long' };
    const changed = await removeAll(listener, removal, {
      uris,
      position: copies[0]?.position ?? null,
      total: rows.length - copies.length,
    });
    if (changed.outcome === 'unknown') {
      const undo = await undoRemoval.offer(req, { id, items: copies, snapshotId: null });
      return { ...nothing, outcome: 'unknown', undo };
    }
    if (changed.outcome !== 'done') return { ...nothing, outcome: changed.outcome };
    // Without the copies before it.
    const back = {
      uri: chosen.uri,
      position: chosen.position - others.filter((one) => one.position < chosen.position).length,
    };
    // safeguard: keep-one-puts-back
    const missing = await putBack(listener, id, [back]);
    const hasMore = missing.length > 0 || others.length > 0;
    // All copies: an Undo finds the one that is there by its position.
    // safeguard: undo-keep-one-with-neighbors
    const undo = await undoRemoval.offer(req, hasMore ? { id, items: copies, snapshotId: null } : null);
    return { ...nothing, outcome: missing.length > 0 ? 'copies missing' : 'done', undo };
  }
}

/** Removes all copies of these, as they were in the version that the person saw. */
function removeAll(
  listener: SignedInListener,
  { id, snapshotId }: Removal,
  gone: Parameters<typeof areGone>[2],
) {
  const { uris } = gone;
  return changeVersion(listener, id, {
    snapshotId,
    send: (version) => listener.spotify.removeFromPlaylist(id, { uris, snapshotId: version }),
    isMade: (latest) => areGone(listener, latest, gone),
  });
}

type Removal = {
  id: string;
  snapshotId: string;
  entries: ShownEntry[];
  /** Whether the person knows that all copies go. */
  isConfirmed: boolean;
  /** Whether the person wants the copies in a long playlist to be counted. */
  isCounting: boolean;
};

/** Reads which rows to remove: that of a button, or those that are selected. Throws {@link Problem} if that isn't clear. */
function readRemoval(req: Request): Removal {
  const { fields } = req.form;
  refuseMixedRows(fields);
  const values = selectedRows(fields);
  const problem = nothingToRemove(pageOfPlaylist(req, String(req.params.id)));
  if (values.length > maxChangedItems) throw new Problem(problem);
  const entries =
    values.length > 0 ? values.map((entry) => readEntry({ entry }, problem)) : [readEntry(fields, problem)];
  return {
    id: String(req.params.id),
    snapshotId: readSnapshot(req.form),
    entries,
    isConfirmed: isYes(fields.confirmed),
    isCounting: isYes(fields.count),
  };
}

/** Returns the URIs that the playlist contains for these rows, each once; null if something else is at one of their positions by now. */
async function originalsOf(
  listener: SignedInListener,
  id: string,
  entries: readonly ShownEntry[],
  rows: readonly PlaylistRow[] | null,
): Promise<string[] | null> {
  const isThere = ({ uri, position }: ShownEntry) => position === null || rows?.[position]?.uri === uri;
  const others = entries.filter((entry) => !isThere(entry));
  const originals = await listener.spotify.originalsInPlaylist(id, others);
  const uris = new Set<string>();
  for (const uri of [...entries.filter(isThere).map((entry) => entry.uri), ...originals]) {
    if (uri === null || (rows && !rows.some((row) => row.uri === uri))) return null;
    uris.add(uri);
  }
  return [...uris];
}

function copiesOf(rows: readonly PlaylistRow[], uris: readonly string[]): PlacedItem[] {
  return rows.flatMap(({ uri }, position) => (uri !== null && uris.includes(uri) ? [{ uri, position }] : []));
}

/** Asks before more is removed than the person may know of. Throws {@link Problem} for programs. */
function askFirst(
  req: Request,
  res: Response,
  { id, entries, snapshotId }: Removal,
  { copies, name, canUndo }: RemovalResult,
) {
  if (wantsJson(req)) throw new Problem(severalCopies(copies));
  res.set('Cache-Control', 'private, no-store').render('playlists/ask-removal', {
    id,
    entries: entries.map(({ uri, position }) => (position === null ? uri : `${position} ${uri}`)),
    snapshotId,
    copies,
    name,
    canUndo,
    returnTo: pageOfPlaylist(req, id),
  });
}

type DoneNotice = 'removed-with-undo' | 'one-left';

async function finish(
  req: Request,
  res: Response,
  listener: SignedInListener,
  { outcome, undo }: RemovalResult,
  done: DoneNotice,
  changed: () => Promise<void>,
): Promise<void> {
  const id = String(req.params.id);
  const page = pageOfPlaylist(req, id);
  if (outcome === 'too long') throw new Problem(tooLong);
  if (outcome === 'changed') {
    await listener.invalidate('playlist', id);
    if (wantsJson(req)) throw new Problem(playlistChanged);
    return changed();
  }
  if (outcome === 'refused') {
    if (wantsJson(req)) throw new Problem(changeRefused);
    return res.redirect(303, withNotice(page, 'change-refused'));
  }
  // safeguard: report-half-done-with-undo
  if (outcome === 'copies missing' || outcome === 'unknown') {
    const isUnknown = outcome === 'unknown';
    if (wantsJson(req)) throw new Problem(isUnknown ? changeUnknown(undo) : copiesMissing(undo));
    const notice = isUnknown
      ? undo === null
        ? 'change-unknown'
        : 'change-unknown-with-undo'
      : 'copies-missing';
    return res.redirect(303, withNotice(page, notice, { undo }));
  }
  if (wantsJson(req)) res.json({ id, undo });
  else res.redirect(303, withNotice(page, undo === null ? 'item-removed' : done, { undo }));
}

/** The page of the playlist that the button was on. */
function pageOfPlaylist({ form: { returnTo } }: Request, id: string): string {
  const playlist = routes.playlist(id);
  return returnTo.split('?')[0] === playlist ? returnTo : playlist;
}
