import { Router } from 'express';
import type { FetchSubscriptions } from '../../live/fetch-subscriptions.ts';
import type { Hub } from '../../live/hub.ts';
import { routes } from '../../routes.ts';
import type { CoverColors } from '../../web/cover-colors.ts';
import { nameOf } from '../../web/display-names.ts';
import { qrCode } from '../../web/qr-code.ts';
import { signInHash } from '../../web/sign-in-hash.ts';
import type { SignedIn } from '../../web/signed-in.ts';
import { htmlOrJson, wantsJson } from '../../web/wants-json.ts';
import { type Card, cardOf, coversOf, playerData, versionOf } from './card.ts';
import { currentPlayback, playbackJson, refreshAfter } from './current-playback.ts';
import { render } from './render.ts';
import { requireSameSignIn } from './same-sign-in.ts';

type Deps = {
  signedIn: SignedIn;
  hub: Hub;
  fetchSubscriptions: FetchSubscriptions;
  coverColors: CoverColors;
  now: () => number;
};

/** For this long, a process that has answered the wall follows the listener, so that it knows of a cooldown as well. */
const subscribedMs = 15_000;

/**
 * The wall: what is playing, for a television or a tablet in the kitchen. The page takes one call to Spotify. Then it follows the live updates of now
 * playing, and gets its part from here whenever they bring a change, which takes none.
 */
export function wallPages({ signedIn, hub, fetchSubscriptions, coverColors, now }: Deps): Router {
  const router = Router();

  const page = signedIn.page(async (req, res, listener) => {
    const current = await currentPlayback(hub, listener);
    const { observation, live } = current;
    res.set('Cache-Control', 'private, no-store').vary('Accept');
    if (wantsJson(req)) return void res.json(playbackJson(current));
    const next = await hub.nextPollFor(observation);
    const card = cardOf(observation, { ...live, throttledUntil: next.throttledUntil }, null, now());
    res.render('now-playing/wall', {
      ...wallLocals(card),
      color: coverColors.of(coversOf(card)),
      version: versionOf(card),
      refreshSeconds: req.query.refresh === 'off' ? null : refreshAfter(next.at, live.cooldown, now()),
      signIn: signInHash(req.session.id),
      canSeeQueue: listener.hasScopesFor('queue'),
    });
  });
  router.get(routes.wall(), htmlOrJson, page);

  const part = signedIn.liveUpdates(async (req, res, listener) => {
    // safeguard: wall-of-same-sign-in
    requireSameSignIn(req, listener);
    const { accountId } = listener;
    // The stream of this browser may lead to another process.
    // safeguard: wall-in-any-process
    fetchSubscriptions.extend(accountId, req.session.id, subscribedMs, 'everything');
    const { observation, ...live } = await hub.liveState(accountId);
    const card = observation && cardOf(observation, live, null, now());
    const html = card && (await render(res, 'now-playing/wall-card', wallLocals(card)));
    res.set('Cache-Control', 'private, no-store').json({ html, askedAt: card?.askedAt ?? null });
  });
  router.get(routes.wallCard(), part);

  return router;
}

function wallLocals(card: Card) {
  const item = card.playback.state === 'nothing' ? null : card.playback.item;
  return {
    ...card,
    ...playerData(card),
    /** Null if it isn't on Spotify. */
    code: item?.link ? qrCode(item.link) : null,
    titleSize: item ? titleSizeOf(nameOf(item)) : 1,
  };
}

/** The most that fits in each size of the title, from the largest one on: its longest word, and all of it, in characters of average width. */
const titleSizes = [
  { word: 10, all: 20 },
  { word: 14, all: 42 },
  { word: 19, all: 76 },
];

/** Returns the size of a title, from 1, the largest, to 4: a long one must fit as well. */
export function titleSizeOf(name: string): number {
  const words = name.split(/\s+/).map(widthOf);
  const all = words.reduce((sum, width) => sum + width, words.length - 1);
  const index = titleSizes.findIndex((size) => Math.max(...words) <= size.word && all <= size.all);
  return (index === -1 ? titleSizes.length : index) + 1;
}

/** Chinese, Japanese and Korean characters, and emoji, are twice as wide as others. */
function widthOf(word: string): number {
  const wide = word.match(
    /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}]/gu,
  );
  return [...word].length + (wide?.length ?? 0);
}
