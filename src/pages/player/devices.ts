import type { Request, Response } from 'express';
import { routes } from '../../routes.ts';
import { canPlay } from '../../web/can-play.ts';
import { safeReturnPath } from '../../web/return-path.ts';
import type { SignedInListener } from '../../web/signed-in.ts';
import { readCommand } from './commands.ts';

/** The fields of "play" that name the music to play on the chosen device. */
const startFields = ['uri', 'context', 'list', 'offset', 'positionMs', 'shuffle'] as const;

type Start = Partial<Record<(typeof startFields)[number], string>>;

/** The URL of the page that lists the devices, each with a button that plays there what a refused "play" should have. */
export function chooseDevice(fields: Readonly<Record<string, unknown>>, returnTo: string): string {
  return routes.devices({ ...startIn(fields), returnTo });
}

/**
 * The page of the devices. If its address says what to play, their buttons play that there; otherwise they move playback. Throws Problem
 * if what to play is invalid.
 */
export function createShowDevices(baseUrl: string) {
  return async (req: Request, res: Response, listener: SignedInListener): Promise<void> => {
    const start = startIn(req.query);
    // safeguard: check-start-in-address
    if (start) readCommand('play', start);
    const devices = await listener.spotify.devices();
    // safeguard: devices-with-premium-only
    const canControl = canPlay(listener);
    const returnTo = start ? safeReturnPath(req.query.returnTo, baseUrl) : routes.devices();
    res.set('Cache-Control', 'private, no-store').format({
      html: () =>
        res.render('player/devices', {
          devices,
          canControl,
          start,
          what: start && describe(start),
          returnTo,
        }),
      json: () => res.json({ devices }),
    });
  };
}

/** Returns these fields as text, which forms and addresses can carry; null if there are none. */
function startIn(fields: Readonly<Record<string, unknown>>): Start | null {
  const found = startFields.flatMap((name) => {
    const value = fields[name];
    if (value === undefined) return [];
    return [[name, Array.isArray(value) ? value.join(' ') : String(value)] as const];
  });
  return found.length > 0 ? Object.fromEntries(found) : null;
}

/** The music that will be played, as far as it is known without asking Spotify. A script that knows its name shows that instead. */
function describe({ uri = '', context, list }: Start): string {
  if (list !== undefined) return list === 'saved' ? 'your saved tracks' : 'this podcast';
  if (context !== undefined) return `this ${context.split(':')[1]}`;
  if (uri === '') return 'what was playing';
  return uri.includes(' ') ? 'these tracks' : `this ${uri.split(':')[1]}`;
}
