import { setTimeout as sleep } from 'node:timers/promises';
import { type Request, type Response, Router } from 'express';
import { scopesFor } from '../../access/listener-calls.ts';
import type { Hub } from '../../live/hub.ts';
import { routes } from '../../routes.ts';
import { NoActiveDevice, NotPossibleNow, PremiumRequired, SpotifyUnavailable } from '../../spotify/errors.ts';
import type { Command } from '../../spotify/player-calls.ts';
import { isDeviceId } from '../../spotify/uri.ts';
import { NoSuchPage } from '../../web/errors.ts';
import { type Forms, saying } from '../../web/forms.ts';
import type { SignedIn, SignedInListener } from '../../web/signed-in.ts';
import { htmlOrJson, wantsJson } from '../../web/wants-json.ts';

type Deps = {
  signedIn: SignedIn;
  forms: Forms;
  hub: Hub;
  /** What Spotify takes to show what a command did, in milliseconds. */
  afterCommandMs: number;
};

const commands: readonly Command[] = ['play', 'pause', 'next', 'previous'];

/** Why a command was not carried out, as the page with its button says it. */
const refusals = [
  // safeguard: explain-refused-commands
  [PremiumRequired, 'premium-required'],
  [NoActiveDevice, 'no-active-device'],
  [NotPossibleNow, 'not-possible-now'],
] as const;

/** Telling the player what to do, and where. Each takes one call to Spotify. */
export function playerPages({ signedIn, forms, hub, afterCommandMs }: Deps): Router {
  const router = Router();
  // Before the sign-in: no token is refreshed for an address that is no command.
  router.param('command', (_req, _res, next, command) => {
    // safeguard: check-player-commands
    next(isCommand(command) ? undefined : new NoSuchPage('No such command'));
  });

  const devicesPage = signedIn.page(async (req, res, listener) => {
    const devices = await listener.spotify.devices();
    const mayControl = listener.hasScopesFor('transfer');
    const controlScopes = scopesFor('transfer');
    const { said } = req.query;
    res.set('Cache-Control', 'private, no-store').format({
      html: () => res.render('player/devices', { devices, mayControl, controlScopes, said }),
      json: () => res.json({ devices }),
    });
  });
  router.get(routes.devices(), htmlOrJson, devicesPage);

  const transfer = signedIn.page(async (req, res, listener) => {
    const id = forms.field(req, 'device');
    if (!isDeviceId(id)) throw new NoSuchPage('Not the id of a device');
    await perform(req, res, listener, () => listener.spotify.transfer(id));
  });
  router.post(routes.transferPlayback(), ...forms.read, transfer);

  const sendCommand = signedIn.page(async (req, res, listener) => {
    const { command } = req.params;
    if (isCommand(command)) await perform(req, res, listener, () => listener.spotify[command]());
  });
  router.post(routes.playerCommand(':command'), ...forms.read, sendCommand);

  /** Gives the player a command and leads back to the page with the button, which tells where it was refused. */
  async function perform(
    req: Request,
    res: Response,
    listener: SignedInListener,
    call: () => Promise<void>,
  ): Promise<void> {
    const back = String(res.locals.returnTo);
    const outcome = await forms.once(req, async () => {
      try {
        await call();
      } catch (error) {
        // A command whose answer is lost may have been carried out.
        if (error instanceof SpotifyUnavailable) hub.recordCommand(listener.accountId);
        const refusal = refusals.find(([kind]) => error instanceof kind);
        if (!refusal || wantsJson(req)) throw error;
        return saying(back, refusal[1]);
      }
      hub.recordCommand(listener.accountId);
      await sleep(afterCommandMs);
      // A page that asked in the meantime may have been told what was so before.
      await listener.invalidate('player');
      return back;
    });
    // Where a browser is led to what is playing, that page asks Spotify, and passes on what it is told.
    // safeguard: poll-after-other-page
    if (wantsJson(req) || !back.startsWith(routes.nowPlaying())) hub.requestPoll(listener.accountId);
    if (wantsJson(req)) res.status(204).end();
    else res.redirect(303, outcome);
  }

  return router;
}

function isCommand(value: unknown): value is Command {
  return commands.some((one) => one === value);
}
