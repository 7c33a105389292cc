import type { Request, Response } from 'express';
import { routes } from '../../routes.ts';
import { safeReturnPath } from '../../web/return-path.ts';
import type { SignedInListener } from '../../web/signed-in.ts';
import { readCommand } from './commands.ts';

/** The fields of "play" that name the music to play on the chosen device. */
const startFields = ['uri', 'context', 'offset', 'positionMs'] as const;

/** The URL of the page that lists the devices, each with a button that plays there what a refused "play" should have. */
export function chooseDevice(fields: Readonly<Record<string, unknown>>, returnTo: string): string {
  const start = startFields.flatMap((name) =>
    name in fields ? [[name, asText(fields[name])] as const] : [],
  );
  return routes.devices({ ...Object.fromEntries(start), returnTo });
}

/**
 * The page of the devices. If its address says what to play, their buttons play that there; otherwise they move playback. Throws Problem
 * if what to play is invalid.
 */
export function createShowDevices(baseUrl: string) {
  return async (req: Request, res: Response, listener: SignedInListener): Promise<void> => {
    const start = startIn(req);
    const devices = await listener.spotify.devices();
    const canControl = listener.hasScopesFor(start ? 'play' : 'transfer');
    const returnTo = start ? safeReturnPath(req.query.returnTo, baseUrl) : routes.devices();
    res.set('Cache-Control', 'private, no-store').format({
      html: () => res.render('player/devices', { devices, canControl, start, returnTo }),
      json: () => res.json({ devices }),
    });
  };
}

function startIn({ query }: Request): Record<string, string> | null {
  const start = startFields.flatMap((name) => (name in query ? [[name, String(query[name])] as const] : []));
  if (start.length === 0) return null;
  const fields = Object.fromEntries(start);
  // safeguard: check-start-in-address
  readCommand('play', fields);
  return fields;
}

function asText(value: unknown): string {
  return Array.isArray(value) ? value.join(' ') : String(value);
}
