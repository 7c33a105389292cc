import {
  isObject,
  type Json,
  malformed,
  objectsIn,
  parseAmount,
  parseName,
  requireArray,
  requireObject,
  type TrustedUrls,
} from './fields.ts';
import type { HttpResponse } from './http.ts';
import { parseItem } from './items.ts';
import type { Device, Playback, Queue, Repeat } from './types.ts';
import { isContextUri, isDeviceId, isUri } from './uri.ts';

/* Parses Spotify's responses about the player, by the rules of parse.ts. */

const repeats: readonly Repeat[] = ['off', 'context', 'track'];

/** Parses "Get Playback State". An empty body means that nothing is playing, whatever the status. */
export function parsePlayback(response: HttpResponse, trusted: TrustedUrls): Playback {
  if (response.text === '') return { state: 'nothing' };
  const json = requireObject(response.json, response);
  if (typeof json.is_playing !== 'boolean') throw malformed(response);

  const type = json.currently_playing_type;
  const kind = type === 'track' || type === 'episode' || type === 'ad' ? type : 'unknown';
  // The item may lack its own type.
  const item = isObject(json.item) ? parseItem({ type, ...json.item }, trusted) : null;
  return {
    state: json.is_playing ? 'playing' : 'paused',
    kind: item?.kind ?? kind,
    item,
    progressMs: parseAmount(json.progress_ms),
    device: isObject(json.device) ? parseDevice(json.device) : null,
    disallows: parseDisallows(json.actions),
    shuffle: typeof json.shuffle_state === 'boolean' ? json.shuffle_state : null,
    repeat: repeats.find((one) => one === json.repeat_state) ?? null,
    context: isObject(json.context) && isContextUri(json.context.uri) ? json.context.uri : null,
  };
}

// The schema has the names directly in `actions`; real responses nest them in `disallows`.
function parseDisallows(actions: unknown): string[] {
  if (!isObject(actions)) return [];
  const disallows = isObject(actions.disallows) ? actions.disallows : actions;
  return Object.keys(disallows).filter((name) => disallows[name] === true);
}

/** Parses "Get Available Devices". */
export function parseDevices(response: HttpResponse): Device[] {
  const json = requireObject(response.json, response);
  return objectsIn(requireArray(json.devices, response)).map(parseDevice);
}

/**
 * Parses "Get the User's Queue". Spotify fills it with the list that plays, and starts over at its end, even if nothing is repeated (GitHub:
 * aome510/spotify-player#178), so the queue is cut where it begins to repeat. Entries without a URI are omitted. An empty body means that nothing
 * is up next.
 */
export function parseQueue(response: HttpResponse, trusted: TrustedUrls): Queue {
  // safeguard: empty-queue
  if (response.text === '') return { upNext: [] };
  const json = requireObject(response.json, response);
  const playing = isObject(json.currently_playing) ? json.currently_playing.uri : null;
  const entries = objectsIn(requireArray(json.queue, response)).filter(({ uri }) => isUri(uri));
  const uris = [playing, ...entries.map(({ uri }) => uri)];
  const repeatsAt = repetitionIn(uris);
  // After the last item of a list, Spotify goes on with the first one, which may be the current one.
  const endsInCurrent = repeatsAt > 1 && repeatsAt < uris.length && uris[repeatsAt - 1] === playing;
  // safeguard: cut-repeating-queue
  const upNext = entries.slice(0, repeatsAt - (endsInCurrent ? 2 : 1));
  return { upNext: upNext.map((one) => parseItem(one, trusted)) };
}

/**
 * Returns the index from which on a list only repeats what came before, from any place in it on: items that were added to the queue play once,
 * and then the list goes on. Its length if it doesn't repeat anything. A single repeated entry at the end may just as well be a track that is in
 * the list twice, unless the whole list is the cycle.
 */
function repetitionIn(list: readonly unknown[]): number {
  const starts = list.slice(1).map((_, at) => repetitionWith(list, at + 1));
  // safeguard: cut-queue-after-added-items
  const certain = starts.filter((start, at) => start === at + 1 || list.length - start > 1);
  return Math.min(list.length, ...certain);
}

/** Returns the first index from which on each entry is the same as the one this many places before. */
function repetitionWith(list: readonly unknown[], period: number): number {
  const last = list.findLastIndex((one, at) => at >= period && one !== list[at - period]);
  return last < 0 ? period : last + 1;
}

function parseDevice(json: Json): Device {
  return {
    // safeguard: drop-invalid-device-ids
    id: isDeviceId(json.id) ? json.id : null,
    active: json.is_active === true,
    restricted: json.is_restricted === true,
    name: parseName(json.name),
    type: parseName(json.type),
    volumePercent: parseAmount(json.volume_percent),
    supportsVolume: json.supports_volume === true,
    privateSession: json.is_private_session === true,
  };
}
