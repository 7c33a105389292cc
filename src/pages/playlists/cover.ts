import { createHash } from 'node:crypto';
import * as v from '@badrap/valita';
import { type Request, Router } from 'express';
import { routes } from '../../routes.ts';
import { BadRequest } from '../../spotify/errors.ts';
import { maxCoverBytes } from '../../spotify/limits.ts';
import { type ErrorPage, linkTo, Problem } from '../../web/errors.ts';
import { acceptFields } from '../../web/fields.ts';
import type { Forms } from '../../web/forms.ts';
import { textOfNotice, withNotice } from '../../web/notices.ts';
import type { SignedIn } from '../../web/signed-in.ts';
import { checkSpotifyId } from '../../web/spotify-params.ts';
import { wantsJson } from '../../web/wants-json.ts';

type Deps = { signedIn: SignedIn; forms: Forms };

const doneResult = v.object({});
/** In KiB, as most file managers show sizes. */
const maxKilobytes = Math.floor(maxCoverBytes / 1024);

/** The cover of a playlist: a page with a form, to which programs can send a JPEG as it is. */
export function coverPages({ signedIn, forms }: Deps): Router {
  const router = Router();
  router.param('id', checkSpotifyId);
  const runUpload = forms.createRunOnce(doneResult);

  // One call to Spotify, none if it is cached.
  const show = signedIn.page(async (req, res, listener) => {
    const playlist = await listener.spotify.cachedPlaylist(String(req.params.id));
    const isOwn = playlist.ownerId === listener.id;
    const canUpload = listener.hasScopesFor('uploadCover');
    res.set('Cache-Control', 'private, no-store');
    res.render('playlists/cover', { playlist, isOwn, canUpload, maxKilobytes });
  });

  // One call to Spotify.
  const upload = signedIn.page(async (req, res, listener) => {
    const id = String(req.params.id);
    listener.requireScopesFor('uploadCover');
    const picture = readPicture(req, id);
    // These fields identify the file if it is sent twice.
    req.form.fields = {
      ...req.form.fields,
      digest: createHash('sha256').update(picture).digest('base64url'),
    };
    await runUpload(req, async () => {
      await listener.spotify.uploadCover(id, picture);
      return {};
    }).catch((error: unknown) => {
      throw error instanceof BadRequest ? new Problem(notAPicture(id)) : error;
    });
    if (wantsJson(req)) res.json({ id, text: textOfNotice('cover-changed') });
    else res.redirect(303, withNotice(routes.playlist(id), 'cover-changed'));
  });

  router.get(routes.playlistCover(':id'), show);
  const read = forms.readFile('picture', maxCoverBytes, tooLarge);
  router.post(routes.playlistCover(':id'), ...read, acceptFields({}), upload);
  return router;
}

/** Returns the picture that was sent. Throws {@link Problem} if it isn't a JPEG that Spotify can accept. */
function readPicture({ file }: Request, id: string): Buffer {
  if (!file || file.length === 0) throw new Problem(noPicture(id));
  // safeguard: cover-size
  if (file.length > maxCoverBytes) throw new Problem({ ...tooLarge, actions: goBack(id) });
  // The marker with which every JPEG begins (ITU-T T.81, B.1.1.3). The type that a browser sends is only the ending of its name.
  // safeguard: cover-is-jpeg
  if (file.subarray(0, 3).toString('hex') !== 'ffd8ff') throw new Problem(notAPicture(id));
  return file;
}

const goBack = (id: string) => [{ label: 'Choose another picture', href: routes.playlistCover(id) }];

const tooLarge: ErrorPage = {
  status: 413,
  reason: 'cover-too-large',
  title: 'This picture is too large',
  text: `Spotify accepts covers of up to ${maxKilobytes} KB. Make it smaller, for example 640 by 640 pixels, and save it as a JPEG. The cover wasn’t changed.`,
  actions: [linkTo('Go to your playlists', routes.playlists)],
};

const notAPicture = (id: string): ErrorPage => ({
  status: 415,
  reason: 'not-a-jpeg',
  title: 'This isn’t a JPEG',
  text: 'Spotify accepts only JPEG pictures as covers. Save the picture as a JPEG; renaming the file isn’t enough. The cover wasn’t changed.',
  actions: goBack(id),
});

const noPicture = (id: string): ErrorPage => ({
  status: 400,
  reason: 'no-picture',
  title: 'Which picture?',
  text: 'Choose a file first. Programs send a JPEG as the body of the request, with the type image/jpeg.',
  actions: goBack(id),
});
