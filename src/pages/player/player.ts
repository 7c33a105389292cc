import { setTimeout as sleep } from 'node:timers/promises';
import * as v from '@badrap/valita';
import { type Request, type Response, Router } from 'express';
import type { Hub } from '../../live/hub.ts';
import { routes } from '../../routes.ts';
import { SpotifyUnavailable } from '../../spotify/errors.ts';
import { canPlay } from '../../web/can-play.ts';
import { NoSuchPage } from '../../web/errors.ts';
import { acceptFields, requireReadableFields } from '../../web/fields.ts';
import type { Forms } from '../../web/forms.ts';
import { isNoticeName, type NoticeName, withNotice } from '../../web/notices.ts';
import type { SignedIn, SignedInListener } from '../../web/signed-in.ts';
import { withUris } from '../../web/spotify-params.ts';
import { htmlOrJson, wantsJson } from '../../web/wants-json.ts';
import { invalidCommand, isCommandName, readCommand, unreadableCommand } from './commands.ts';
import { chooseDevice, createShowDevices } from './devices.ts';
import { PartlyQueued, PlayedInOrder } from './multi-call-commands.ts';
import { refusalOf, refusedCommand } from './refusals.ts';

type Deps = {
  signedIn: SignedIn;
  forms: Forms;
  hub: Hub;
  /** How long Spotify takes to show the effect of a command, in milliseconds. */
  afterCommandMs: number;
  baseUrl: string;
  now: () => number;
};

/** The result of a command: why it was refused, or null if it was carried out. `added`: the URIs that were added to the queue, if not all were. */
const commandResult = v.object({
  refusal: v.string().assert(isNoticeName).nullable(),
  added: v.array(v.string()).optional(),
});

/** Commands to the player, its devices, and what is up next. Each takes one call to Spotify. */
export function playerPages({ signedIn, forms, hub, afterCommandMs, baseUrl, now }: Deps): Router {
  const router = Router();
  const runOnce = forms.createRunOnce(commandResult);
  // Before the sign-in, so that no token is refreshed for a URL that is not a command.
  router.param('command', (_req, _res, next, command) => {
    // safeguard: check-player-commands
    next(isCommandName(command) ? undefined : new NoSuchPage('No such command'));
  });

  router.get(routes.devices(), htmlOrJson, signedIn.page(createShowDevices(baseUrl)));

  const queue = signedIn.page(async (req, res, listener) => {
    // safeguard: queue-is-dropped-first
    if (req.query.automatic === 'yes' && !(await hub.isRelaxed())) return void res.status(204).end();
    await showQueue(res, listener);
  });
  router.get(routes.queue(), htmlOrJson, queue);

  const command = signedIn.page(async (req, res, listener) => {
    // Otherwise "play" would resume in place of playing what was sent.
    // safeguard: readable-fields-only
    requireReadableFields(req, { unreadable: unreadableCommand, invalid: invalidCommand });
    const { fields } = req.form;
    // safeguard: refuse-unplayable-selection
    if (fields.unplayable !== undefined && fields.entry === undefined)
      return refuse(req, res, 'nothing-playable');
    await perform(req, res, listener, withUris(fields));
  });
  router.post(routes.playerCommand(':command'), ...forms.read, command);

  // Without this, a new Premium account would have to wait up to ten minutes for its controls.
  const retryPremium = signedIn.page(async (req, res, listener) => {
    // safeguard: try-premium-again
    await listener.invalidate('premium');
    if (wantsJson(req)) res.status(204).end();
    else res.redirect(303, req.form.returnTo);
  });
  router.post(routes.retryPremium(), ...forms.read, acceptFields({}), retryPremium);

  return router;

  /** If a refusal has no reason and the device accepts no commands, returns that as the reason. Only the player state says so. */
  async function withDevice(refusal: NoticeName, { accountId }: SignedInListener): Promise<NoticeName> {
    if (!refusal.startsWith('cannot-')) return refusal;
    const playback = (await hub.latestObservation(accountId))?.playback;
    // safeguard: name-restricted-device
    const isRestricted = playback?.state !== 'nothing' && playback?.device?.restricted === true;
    return isRestricted ? 'device-uncontrollable' : refusal;
  }

  /** Sends a command to the player, and returns to the page with the button, which shows why if it was refused. */
  async function perform(
    req: Request,
    res: Response,
    listener: SignedInListener,
    fields: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    const { returnTo } = req.form;
    const name = String(req.params.command);
    const { call, send } = readCommand(name, fields);
    // The queue isn't part of what is polled.
    // safeguard: no-poll-after-queue
    const isShown = call !== 'addToQueue';
    const { refusal, added } = await runOnce(req, async () => {
      let refusal: NoticeName | null = null;
      try {
        await send(listener.spotify);
      } catch (error) {
        // If only the response was lost, the command may have been carried out.
        if (isShown && error instanceof SpotifyUnavailable) {
          hub.recordCommand(listener.accountId);
          // safeguard: poll-after-lost-response
          hub.requestPoll(listener.accountId);
        }
        refusal = refusalOf(error, name);
        if (refusal === null) throw error;
        const added = error instanceof PartlyQueued ? { added: [...error.added] } : {};
        // A list that plays in order has begun, as after a command that was carried out.
        if (!(error instanceof PlayedInOrder))
          return { refusal: await withDevice(refusal, listener), ...added };
      }
      if (isShown) hub.recordCommand(listener.accountId);
      await sleep(afterCommandMs);
      // A page that was loaded in the meantime may have cached the state before the command.
      await listener.invalidate('player');
      return { refusal };
    });
    // The now-playing page asks Spotify itself, and publishes the answer.
    // safeguard: poll-after-other-page
    if (isShown && (wantsJson(req) || !returnTo.startsWith(routes.nowPlaying())))
      hub.requestPoll(listener.accountId);
    const needsDevice = refusal !== null && isStartWithoutDevice(refusal, name, fields);
    // The devices are listed below it.
    const why = needsDevice && refusal === 'no-active-device' ? 'nothing-active' : refusal;
    if (wantsJson(req) && why !== null) throw refusedCommand(why, added);
    // Tells a page which observations show the effect of its command.
    if (wantsJson(req)) res.set(commandTimeHeader, String(now())).status(204).end();
    else if (needsDevice && why !== null) res.redirect(303, withNotice(chooseDevice(fields, returnTo), why));
    else if (refusal !== null) refuse(req, res, refusal);
    else res.redirect(303, withSuccess(returnTo, name));
  }
}

/** Answers a command that isn't carried out: its page says why, beside its control. Throws {@link Problem} for programs. */
function refuse(req: Request, res: Response, refusal: NoticeName): void {
  if (wantsJson(req)) throw refusedCommand(refusal);
  res.redirect(303, withNotice(req.form.returnTo, refusal, { at: String(req.params.command) }));
}

/** Whether something should have been played, but there is no device to play it on. */
function isStartWithoutDevice(
  refusal: NoticeName,
  command: string,
  fields: Readonly<Record<string, unknown>>,
): boolean {
  const isMissing = ['no-active-device', 'device-gone', 'device-uncontrollable'].includes(refusal);
  // safeguard: choose-device-to-play
  return command === 'play' && isMissing && ['uri', 'context', 'list'].some((name) => name in fields);
}

/** When a command had been carried out, in milliseconds since 1970. */
const commandTimeHeader = 'Command-Time';

/** The page to return to. One that doesn't show what is playing says that the command was carried out. */
function withSuccess(returnTo: string, command: string): string {
  if (command === 'queue') return withNotice(returnTo, 'added-to-queue');
  const notice = successes[command];
  const showsPlayback = returnTo.startsWith(routes.nowPlaying());
  return notice && !showsPlayback ? withNotice(returnTo, notice) : returnTo;
}

const successes: Readonly<Record<string, NoticeName>> = {
  play: 'playback-started',
  pause: 'playback-paused',
  next: 'skipped',
  previous: 'skipped-back',
};

async function showQueue(res: Response, listener: SignedInListener): Promise<void> {
  const { upNext } = await listener.spotify.queue();
  res.set('Cache-Control', 'private, no-store').format({
    html: () => res.render('player/queue', { upNext, canControl: canPlay(listener) }),
    json: () => res.json({ queue: upNext }),
  });
}
