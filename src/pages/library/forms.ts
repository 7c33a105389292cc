import * as v from '@badrap/valita';
import { type Request, type RequestHandler, Router } from 'express';
import { ArtistsNotOffered } from '../../access/errors.ts';
import type { Hub } from '../../live/hub.ts';
import { routes } from '../../routes.ts';
import { isLibraryUri, isUri } from '../../spotify/uri.ts';
import { Problem } from '../../web/errors.ts';
import { acceptFields, texts, wholeNumber } from '../../web/fields.ts';
import type { Forms } from '../../web/forms.ts';
import { textOfNotice, withNotice } from '../../web/notices.ts';
import type { SignedIn, SignedInListener } from '../../web/signed-in.ts';
import { readEntry } from '../../web/spotify-params.ts';
import { wantsJson } from '../../web/wants-json.ts';
import { artistsNotOffered, libraryChanged, noUri } from './problems.ts';
import { noticeFor, savingNotices } from './saving.ts';
import type { UndoLibrary } from './undo-library.ts';

type Deps = { signedIn: SignedIn; forms: Forms; hub: Hub; undoLibrary: UndoLibrary };

/** The forms that save something or follow it, and that undo it. */
export function libraryFormPages({ signedIn, forms, hub, undoLibrary }: Deps): Router {
  const router = Router();
  const fields = acceptFields({
    uri: texts.optional(),
    entry: texts.optional(),
    place: wholeNumber.optional(),
  });
  router.post(routes.saveToLibrary(), ...forms.read, fields, change({ isSaving: true }));
  router.post(routes.removeFromLibrary(), ...forms.read, fields, change({ isSaving: false }));
  return router;

  /** One call to Spotify. To remove most tracks of the list, one more for new apps: see createRelinking. */
  function change({ isSaving }: { isSaving: boolean }): RequestHandler {
    const runOnce = forms.createRunOnce(changeResult);
    return signedIn.page(async (req, res, listener) => {
      const entry = readEntry(req.form.fields, noUri, isLibraryUri);

      const { uri, notice, undo } = await runOnce(req, async () => {
        const original = isSaving ? entry.uri : await listener.spotify.originalInLibrary(entry);
        if (original === null) return refuseOutdated(req, listener, entry.uri);
        await (isSaving ? listener.spotify.save(original) : listener.spotify.unsave(original)).catch(explain);
        if (isUri(original)) await hub.recordSaved(listener.accountId, original, isSaving);
        const undo = await undoLibrary.offer(req, isSaving ? null : { uri: original });
        return { uri: original, notice: noticeFor(original, isSaving), undo };
      });
      if (wantsJson(req)) res.json({ uri, saved: isSaving, text: textOfNotice(notice), undo });
      else res.redirect(303, withNotice(req.form.returnTo, notice, { undo }));
    });
  }
}

const noticeNames = [...savingNotices, 'library-changed'] as const;
const changeResult = v.object({
  uri: v.string(),
  notice: v.union(...noticeNames.map((one) => v.literal(one))),
  // Results of earlier versions have none.
  undo: v
    .string()
    .nullable()
    .optional(() => null),
});
type ChangeResult = v.Infer<typeof changeResult>;

function explain(error: unknown): never {
  throw error instanceof ArtistsNotOffered ? new Problem(artistsNotOffered) : error;
}

/** Nothing is removed: the page shows the library as it is now. Throws {@link Problem} for programs. */
async function refuseOutdated(req: Request, listener: SignedInListener, uri: string): Promise<ChangeResult> {
  await listener.invalidate('library');
  if (wantsJson(req)) throw new Problem(libraryChanged);
  return { uri, notice: 'library-changed', undo: null };
}
