import {
  allNamed,
  images,
  isObject,
  type Json,
  linkOf,
  named,
  nameIn,
  size,
  type TrustedPlaces,
  text,
} from './fields.ts';
import type { Episode, Track } from './types.ts';
import { isUri } from './uri.ts';

/** Reads what can be played, as what it says it is; what says nothing is a track. */
export function item(json: Json, trusted: TrustedPlaces): Track | Episode {
  const kind = spokenKind(json);
  return kind === null ? track(json, trusted) : episode(json, kind, trusted);
}

/** Reads a track. Of a relinked one, URI and link are those of the original: what is written, compared and exported is what a list holds. */
function track(json: Json, trusted: TrustedPlaces): Track {
  const album = isObject(json.album) ? json.album : null;
  const original = isObject(json.linked_from) ? json.linked_from : null;
  return {
    kind: 'track',
    ...playable(json),
    // safeguard: original-from-linked-from
    uri: (original && uriOf(original)) ?? uriOf(json),
    link: (original && linkOf(original, trusted)) ?? linkOf(json, trusted),
    artists: allNamed(json.artists, trusted),
    album: album && named(album, trusted),
    covers: images(album?.images, trusted),
    local: json.is_local === true,
  };
}

/** Null for a track. The schema gives a chapter the type `episode`: its audiobook tells it apart ("Get a Chapter"). */
function spokenKind(json: Json): Episode['kind'] | null {
  if (json.type === 'audiobook') return 'audiobook';
  // safeguard: detect-chapters-by-audiobook
  if (json.type === 'chapter' || isObject(json.audiobook) || isAudiobook(json.show)) return 'chapter';
  return json.type === 'episode' ? 'episode' : null;
}

function isAudiobook(json: unknown): boolean {
  return isObject(json) && json.type === 'audiobook';
}

function episode(json: Json, kind: Episode['kind'], trusted: TrustedPlaces): Episode {
  const whole = isObject(json.audiobook) ? json.audiobook : isObject(json.show) ? json.show : null;
  const own = images(json.images, trusted);
  return {
    kind,
    ...playable(json),
    uri: uriOf(json),
    link: linkOf(json, trusted),
    show: whole && named(whole, trusted),
    authors: allNamed((whole ?? json).authors, trusted),
    covers: own.length > 0 ? own : images(whole?.images, trusted),
  };
}

function playable(json: Json) {
  return {
    name: nameIn(json.name),
    durationMs: size(json.duration_ms),
    explicit: json.explicit === true,
    restriction: restriction(json),
  };
}

/** `restrictions` comes with what cannot be played, and more reasons than are documented may ("Get Track"). */
function restriction(json: Json): string | null {
  const reason = isObject(json.restrictions) ? text(json.restrictions.reason) : '';
  if (json.is_playable === true || (json.is_playable !== false && reason === '')) return null;
  return reason || 'unknown';
}

function uriOf(json: Json): string | null {
  return isUri(json.uri) ? json.uri : null;
}
