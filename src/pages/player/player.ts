import { setTimeout as sleep } from 'node:timers/promises';
import { type Request, type Response, Router } from 'express';
import type { SpotifyCall } from '../../access/live-token.ts';
import type { ResponseCache } from '../../access/response-cache.ts';
import type { Hub } from '../../live/hub.ts';
import { routes } from '../../routes.ts';
import { NoActiveDevice, NotPossibleNow, PremiumRequired, SpotifyUnavailable } from '../../spotify/errors.ts';
import { isDeviceId } from '../../spotify/uri.ts';
import { type Command, scopes, type WebApi } from '../../spotify/web-api.ts';
import { NoSuchPage } from '../../web/errors.ts';
import { type Forms, saying } from '../../web/forms.ts';
import { noteWithoutPremium, withoutPremium } from '../../web/premium.ts';
import type { SignedIn } from '../../web/signed-in.ts';
import { htmlOrJson, wantsJson } from '../../web/wants-json.ts';

type Deps = {
  webApi: WebApi;
  signedIn: SignedIn;
  forms: Forms;
  kept: ResponseCache;
  hub: Hub;
  /** What Spotify takes to show what a command did, in milliseconds. */
  afterCommandMs: number;
};

const commands: readonly Command[] = ['play', 'pause', 'next', 'previous'];

/** The names under which answers are held that a command makes out of date. */
const changedByCommands = ['player', 'devices', 'recent'];

/** Why a command was not carried out, as the page with its button says it. */
const refusals = [
  // safeguard: explain-refused-commands
  [PremiumRequired, 'premium-required'],
  [NoActiveDevice, 'no-active-device'],
  [NotPossibleNow, 'not-possible-now'],
] as const;

/** Telling the player what to do, and where. Each takes one call to Spotify. */
export function playerPages({ webApi, signedIn, forms, kept, hub, afterCommandMs }: Deps): Router {
  const router = Router();
  // Before the sign-in: no token is refreshed for an address that is no command.
  router.param('command', (_req, _res, next, command) => {
    // safeguard: check-player-commands
    next(isCommand(command) ? undefined : new NoSuchPage('No such command'));
  });

  router.get(routes.devices(), htmlOrJson, signedIn.middleware, async (req, res) => {
    const devices = await req.listener.askCached('devices', 1_000, webApi.devices, scopes.player);
    const mayControl = req.listener.may(scopes.control);
    const { said } = req.query;
    res.set('Cache-Control', 'private, no-store').format({
      html: () => res.render('player/devices', { devices, mayControl, controlScopes: scopes.control, said }),
      json: () => res.json({ devices }),
    });
  });

  router.post(routes.transferPlayback(), ...forms.read, signedIn.middleware, async (req, res) => {
    const id = forms.field(req, 'device');
    if (!isDeviceId(id)) throw new NoSuchPage('Not the id of a device');
    await perform(req, res, (token) => webApi.transfer(token, id));
  });

  router.post(routes.playerCommand(':command'), ...forms.read, signedIn.middleware, async (req, res) => {
    const { command } = req.params;
    if (isCommand(command)) await perform(req, res, (token) => webApi.command(token, command));
  });

  /** Gives the player a command and leads back to the page with the button, which tells where it was refused. */
  async function perform(req: Request, res: Response, call: SpotifyCall<void>): Promise<void> {
    const back = String(res.locals.returnTo);
    const outcome = await forms.once(req, async () => {
      try {
        await req.listener.change(changedByCommands, call, scopes.control);
      } catch (error) {
        // A command whose answer is lost may have been carried out.
        if (error instanceof SpotifyUnavailable) hub.recordCommand(req.listener.accountId);
        const refusal = refusals.find(([kind]) => error instanceof kind);
        if (error instanceof PremiumRequired) {
          await noteWithoutPremium(kept, req.listener.accountId);
        }
        if (!refusal || wantsJson(req)) throw error;
        return saying(back, refusal[1]);
      }
      hub.recordCommand(req.listener.accountId);
      await sleep(afterCommandMs);
      // A page that asked in the meantime may have been told what was so before.
      await req.listener.invalidate([...changedByCommands, withoutPremium]);
      return back;
    });
    // Where a browser is led to what is playing, that page asks Spotify, and passes on what it is told.
    // safeguard: poll-after-other-page
    if (wantsJson(req) || !back.startsWith(routes.nowPlaying())) hub.requestPoll(req.listener.accountId);
    if (wantsJson(req)) res.status(204).end();
    else res.redirect(303, outcome);
  }

  return router;
}

function isCommand(value: unknown): value is Command {
  return commands.some((one) => one === value);
}
