import type { Summary } from './format.ts';
import type { Manifest } from './source.ts';
import type { Stop } from './stop.ts';

/** Everything that a finished file lacks, for the page that shows the progress of its export. */
export type Outcome = {
  /** A machine-readable code. */
  reason: string;
  /** When Spotify may be called again, in milliseconds since 1970; null if that is not the reason. */
  until: number | null;
  /** The URL of a file that continues, or starts over; null if neither would help. */
  resume: string | null;
  /** How many rows, or playlists, are missing, depending on the reason. */
  missing: number;
};

/** Returns what the file of a playlist lacks; null if it is complete. `restartUrl` is the URL of a file from the start. */
export function outcomeOf(manifest: Manifest, isOwnOrShared: boolean, restartUrl: string): Outcome | null {
  const { readable, changedSince, missing, stopped } = manifest;
  if (!readable && isOwnOrShared) return lacking('contents-unavailable', 0, restartUrl);
  if (!readable) return lacking('not-readable', 0, null);
  if (stopped) return stoppedBy(stopped);
  if (changedSince) return lacking('changed-since', 0, restartUrl);
  return missing > 0 ? lacking('rows-missing', missing, null) : null;
}

/** Returns what a file of all playlists lacks; null if it is complete. */
export function outcomeOfAll(summary: Summary): Outcome | null {
  const { sentAsNull, notSent, incomplete, stopped } = summary;
  if (stopped) return stoppedBy(stopped);
  if (sentAsNull + notSent > 0) return lacking('playlists-missing', sentAsNull + notSent, null);
  return incomplete > 0 ? lacking('playlists-incomplete', incomplete, null) : null;
}

function lacking(reason: string, missing: number, resume: string | null): Outcome {
  return { reason, until: null, resume, missing };
}

function stoppedBy({ reason, until, resume }: Stop): Outcome {
  return { reason, until: until === null ? null : Date.parse(until), resume, missing: 0 };
}
