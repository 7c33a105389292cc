import {
  isObject,
  type Json,
  parseAllNamed,
  parseImages,
  parseLink,
  parseName,
  parseNamed,
  parseSize,
  parseText,
  type TrustedUrls,
} from './fields.ts';
import type { Episode, Track } from './types.ts';
import { isUri } from './uri.ts';

/** Parses a track or episode, by its type; without a type it is a track. */
export function parseItem(json: Json, trusted: TrustedUrls): Track | Episode {
  const kind = spokenKind(json);
  return kind === null ? parseTrack(json, trusted) : parseEpisode(json, kind, trusted);
}

/** A relinked track gets the URI and link of the original, because that is the one in the listener's lists. */
function parseTrack(json: Json, trusted: TrustedUrls): Track {
  const album = isObject(json.album) ? json.album : null;
  const original = isObject(json.linked_from) ? json.linked_from : null;
  return {
    kind: 'track',
    ...parsePlayable(json),
    // safeguard: original-from-linked-from
    uri: (original && parseUri(original)) ?? parseUri(json),
    link: (original && parseLink(original, trusted)) ?? parseLink(json, trusted),
    artists: parseAllNamed(json.artists, trusted),
    album: album && parseNamed(album, trusted),
    covers: parseImages(album?.images, trusted),
    local: json.is_local === true,
  };
}

/** Null for a track. The schema gives a chapter the type `episode`: only its audiobook tells it apart ("Get a Chapter"). */
function spokenKind(json: Json): Episode['kind'] | null {
  if (json.type === 'audiobook') return 'audiobook';
  // safeguard: detect-chapters-by-audiobook
  if (json.type === 'chapter' || isObject(json.audiobook) || isAudiobook(json.show)) return 'chapter';
  return json.type === 'episode' ? 'episode' : null;
}

function isAudiobook(json: unknown): boolean {
  return isObject(json) && json.type === 'audiobook';
}

function parseEpisode(json: Json, kind: Episode['kind'], trusted: TrustedUrls): Episode {
  const parent = isObject(json.audiobook) ? json.audiobook : isObject(json.show) ? json.show : null;
  const ownCovers = parseImages(json.images, trusted);
  return {
    kind,
    ...parsePlayable(json),
    uri: parseUri(json),
    link: parseLink(json, trusted),
    show: parent && parseNamed(parent, trusted),
    authors: parseAllNamed((parent ?? json).authors, trusted),
    covers: ownCovers.length > 0 ? ownCovers : parseImages(parent?.images, trusted),
  };
}

function parsePlayable(json: Json) {
  return {
    name: parseName(json.name),
    durationMs: parseSize(json.duration_ms),
    explicit: json.explicit === true,
    restriction: parseRestriction(json),
  };
}

/** Unplayable items have `restrictions`, with more reasons than are documented ("Get Track"). */
function parseRestriction(json: Json): string | null {
  const reason = isObject(json.restrictions) ? parseText(json.restrictions.reason) : '';
  if (json.is_playable === true || (json.is_playable !== false && reason === '')) return null;
  return reason || 'unknown';
}

function parseUri(json: Json): string | null {
  return isUri(json.uri) ? json.uri : null;
}
