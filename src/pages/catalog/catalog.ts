import { type Request, type Response, Router } from 'express';
import type { AppApi, CatalogReader } from '../../access/app-api.ts';
import { nullWithoutSpotify } from '../../access/errors.ts';
import type { RateLimiters } from '../../access/rate-limiter.ts';
import { routes } from '../../routes.ts';
import { partsPerPage } from '../../spotify/limits.ts';
import type { Image } from '../../spotify/types.ts';
import { isCheckableUri } from '../../spotify/uri.ts';
import { canPlay } from '../../web/can-play.ts';
import type { CoverColors } from '../../web/cover-colors.ts';
import { noticeIn } from '../../web/notices.ts';
import type { SignedIn, SignedInListener } from '../../web/signed-in.ts';
import { checkSpotifyId } from '../../web/spotify-params.ts';
import { admitVisitor } from '../../web/visitors.ts';
import { htmlOrJson, wantsJson } from '../../web/wants-json.ts';
import { loadAlbum, loadArtist, loadEpisode, loadShow, loadTrack } from './load.ts';
import { visitorProblems } from './problems.ts';

type Deps = { signedIn: SignedIn; appApi: AppApi; rateLimiters: RateLimiters; coverColors: CoverColors };

type Kind = 'album' | 'artist' | 'show' | 'episode' | 'track';
/** The object that the page is about, under the name of its kind, and its list. */
type Data = { [kind in Kind]?: { covers: readonly Image[] } };
type Load = (req: Request, reader: CatalogReader) => Promise<Data>;

/** Pages about an album, an artist, a show, an episode and a track. Visitors who aren't signed in see them as well, by the app token. */
export function catalogPages({ signedIn, appApi, rateLimiters, coverColors }: Deps): Router {
  const router = Router();
  router.param('id', checkSpotifyId);
  add('album', routes.album(':id'), loadAlbum);
  add('artist', routes.artist(':id'), loadArtist);
  add('show', routes.show(':id'), loadShow);
  add('episode', routes.episode(':id'), loadEpisode);
  add('track', routes.track(':id'), loadTrack);
  return router;

  function add(kind: Kind, path: string, load: Load): void {
    const forListener = signedIn.page(async (req, res, listener) => {
      const data = await load(req, listener.spotify);
      await show(req, res, kind, { data, controls: await controlsOf(req, listener, kind) });
    });
    router.get(path, htmlOrJson, async (req, res, next) => {
      if (req.grant) {
        await forListener(req, res, next);
        return;
      }
      const beforeCall = await admitVisitor(req, res, rateLimiters, visitorProblems(req.originalUrl));
      const data = await load(req, appApi.catalog(beforeCall));
      await show(req, res, kind, { data, controls: noControls });
    });
  }

  async function show(
    req: Request,
    res: Response,
    kind: Kind,
    { data, controls }: { data: Data; controls: Controls },
  ): Promise<void> {
    const { id } = req.params;
    res.set('Cache-Control', 'private, no-store').vary('Accept');
    if (wantsJson(req)) return void res.json(data);
    const color = coverColors.of(data[kind]?.covers ?? []);
    res.render(`catalog/${kind}`, {
      id,
      uri: uriOf(req, kind),
      isCheckable: isCheckableUri(uriOf(req, kind)),
      hasAsked: req.query.saved === 'ask',
      partsPerPage,
      color,
      ...data,
      ...controls,
    });
  }
}

/** The actions that a page offers. `saved`: whether it is in the library; null if that isn't known without a call. */
type Controls = {
  canPlay: boolean;
  canAdd: boolean;
  canSave: boolean;
  needsScope: boolean;
  saved: boolean | null;
};

const noControls: Controls = {
  canPlay: false,
  canAdd: false,
  canSave: false,
  needsScope: false,
  saved: null,
};

async function controlsOf(req: Request, listener: SignedInListener, kind: Kind): Promise<Controls> {
  const hasScope = listener.hasScopesFor(kind === 'artist' ? 'followArtist' : 'saveToLibrary');
  const isOffered = kind !== 'artist' || (await listener.spotify.canFollowArtists());
  const canSave = hasScope && isOffered;
  return {
    canPlay: canPlay(listener),
    canAdd: kind === 'track' || kind === 'episode',
    canSave,
    needsScope: !hasScope && isOffered,
    // safeguard: ask-only-if-shown
    saved: canSave && !wantsJson(req) ? await savedOf(req, listener, kind) : null,
  };
}

/** Whether it is in the library; null if that isn't known without a call. A notice says what a button has done, even if another process did it. */
async function savedOf(req: Request, { spotify }: SignedInListener, kind: Kind): Promise<boolean | null> {
  const uri = uriOf(req, kind);
  // Other buttons on the page lead back to it as well: those of its rows, and of the track that is playing.
  // safeguard: notice-about-this
  const notice = req.query.about === uri ? noticeIn(req) : null;
  // safeguard: saved-by-notice
  if (notice === 'track-saved' || notice === 'artist-followed') return true;
  if (notice === 'track-removed' || notice === 'artist-unfollowed') return false;
  const known = spotify.knownSaved(uri);
  // Someone without scripts has asked: the page itself takes one call, for what it is about.
  const isAsked = known === null && req.query.saved === 'ask' && isCheckableUri(uri);
  // safeguard: page-without-saved-state
  return isAsked ? spotify.isSaved(uri).catch(nullWithoutSpotify) : known;
}

function uriOf(req: Request, kind: Kind): string {
  return `spotify:${kind}:${req.params.id}`;
}
