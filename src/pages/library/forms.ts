import * as v from '@badrap/valita';
import { type Request, type RequestHandler, Router } from 'express';
import { ArtistsNotOffered } from '../../access/errors.ts';
import type { ShownEntry } from '../../access/relinking.ts';
import type { Hub } from '../../live/hub.ts';
import { routes } from '../../routes.ts';
import { NotFound } from '../../spotify/errors.ts';
import { maxSavedItems } from '../../spotify/limits.ts';
import { isLibraryUri } from '../../spotify/uri.ts';
import { PartlyDone, Problem } from '../../web/errors.ts';
import { acceptFields, position, texts } from '../../web/fields.ts';
import type { Forms } from '../../web/forms.ts';
import { textOfNotice, withNotice } from '../../web/notices.ts';
import type { SignedIn, SignedInListener } from '../../web/signed-in.ts';
import { readEntry, refuseMixedRows, selectedRows } from '../../web/spotify-params.ts';
import { wantsJson } from '../../web/wants-json.ts';
import {
  artistsNotOffered,
  libraryChanged,
  nothingToChange,
  noUri,
  otherArtistsNotOffered,
  othersGone,
  partlyChanged,
} from './problems.ts';
import { noticeFor, recordAllSaved, savingNotices } from './saving.ts';
import type { UndoLibrary } from './undo-library.ts';

type Deps = { signedIn: SignedIn; forms: Forms; hub: Hub; undoLibrary: UndoLibrary };

/** The forms that save or follow something, and that remove or unfollow it. */
export function libraryFormPages({ signedIn, forms, hub, undoLibrary }: Deps): Router {
  const router = Router();
  const fields = acceptFields({
    uri: texts.optional(),
    entry: texts.optional(),
    unplayable: texts.optional(),
    position: position.optional(),
    place: position.optional(),
  });
  router.post(routes.saveToLibrary(), ...forms.read, fields, change({ isSaving: true }));
  router.post(routes.removeFromLibrary(), ...forms.read, fields, change({ isSaving: false }));
  return router;

  /**
   * One call to Spotify for up to forty; one more each for artists and playlists among them, and in the legacy version one for each kind. To remove
   * tracks from the list, one more for new apps: see createRelinking.
   */
  function change({ isSaving }: { isSaving: boolean }): RequestHandler {
    const runOnce = forms.createRunOnce(changeResult);
    return signedIn.page(async (req, res, listener) => {
      const entries = readEntries(req, isSaving);

      const { uris, notice, undo } = await runOnce(req, async () => {
        const [first] = entries;
        const originals = isSaving
          ? entries.map(({ uri }) => uri)
          : await listener.spotify.originalsInLibrary(entries);
        if (originals.includes(null)) return refuseOutdated(req, listener, String(first?.uri));
        const all = originals.filter((uri) => uri !== null);
        await changeAll(req, listener, all, isSaving);
        // A row may show another version of the track than the library contains.
        const others = entries.map(({ uri }) => uri).filter((uri) => !all.includes(uri));
        if (others.length > 0) await listener.invalidate('saved', others);
        const undo = await undoLibrary.offer(req, isSaving ? null : all);
        return { uri: String(all[0]), uris: all, notice: noticeFor(all, isSaving), undo };
      });
      const [uri = null] = uris;
      const about = uris.length === 1 ? uri : null;
      if (!wantsJson(req)) return res.redirect(303, withNotice(req.form.returnTo, notice, { undo, about }));
      const text = textOfNotice(notice);
      if (uris.length === 1) res.json({ uri, uris, count: 1, saved: isSaving, text, undo });
      else
        res.json({ uris, count: uris.length, saved: isSaving, text: textFor(uris.length, isSaving), undo });
    });
  }

  /** Throws {@link PartlyDone} if only some were changed. */
  async function changeAll(
    req: Request,
    { spotify, accountId }: SignedInListener,
    uris: readonly string[],
    isSaving: boolean,
  ): Promise<void> {
    const done: string[] = [];
    const onDone = (group: readonly string[]) => done.push(...group);
    try {
      await (isSaving ? spotify.save(uris, onDone) : spotify.unsave(uris, onDone));
    } catch (error) {
      // safeguard: say-what-was-saved
      if (done.length > 0) {
        const undo = await undoLibrary.offer(req, isSaving ? null : done);
        throw new PartlyDone(failureOfRest(error), partlyChanged(done, uris, isSaving, undo));
      }
      throw error instanceof ArtistsNotOffered ? new Problem(artistsNotOffered) : error;
    } finally {
      await recordAllSaved(hub, accountId, done, isSaving);
    }
  }
}

const noticeNames = [...savingNotices, 'library-changed'] as const;
const changeResult = v
  .object({
    uri: v.string(),
    uris: v.array(v.string()).optional(),
    notice: v.union(...noticeNames.map((one) => v.literal(one))),
    // Results of earlier versions have none.
    undo: v
      .string()
      .nullable()
      .optional(() => null),
  })
  .map((result) => ({ ...result, uris: result.uris ?? [result.uri] }));
type ChangeResult = v.Infer<typeof changeResult>;

/** Reads the rows or URIs to change, each once. Throws {@link Problem} if there are none, too many, or others. */
function readEntries({ form: { fields, returnTo } }: Request, isSaving: boolean): ShownEntry[] {
  refuseMixedRows(fields);
  const rows = selectedRows(fields);
  const values = [fields.uri ?? []].flat();
  // safeguard: words-for-empty-selection
  if (rows.length + values.length === 0) throw new Problem(nothingToChange(isSaving, returnTo));
  const named =
    rows.length > 0 ? rows.map((entry) => ({ entry })) : values.map((uri) => ({ ...fields, uri }));
  const entries = named.map((one) => readEntry(one, noUri, isLibraryUri));
  const each = new Map(entries.map((entry) => [entry.uri, entry]));
  // safeguard: forty-saved-at-once
  if (each.size > maxSavedItems) throw new Problem(nothingToChange(isSaving, returnTo));
  return [...each.values()];
}

/** Returns the error itself, or one whose words fit after some were saved or removed. */
function failureOfRest(error: unknown): unknown {
  if (error instanceof ArtistsNotOffered) return new Problem(otherArtistsNotOffered);
  return error instanceof NotFound ? new Problem(othersGone) : error;
}

function textFor(count: number, isSaving: boolean): string {
  return isSaving ? `Saved ${count} to your library.` : `Removed ${count} from your library.`;
}

/** Nothing is removed: the page shows the library as it is now. Throws {@link Problem} for programs. */
async function refuseOutdated(req: Request, listener: SignedInListener, uri: string): Promise<ChangeResult> {
  await listener.invalidate('library');
  if (wantsJson(req)) throw new Problem(libraryChanged);
  return { uri, uris: [uri], notice: 'library-changed', undo: null };
}
