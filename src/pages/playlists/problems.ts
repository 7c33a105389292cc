import { routes } from '../../routes.ts';

/* Why a request to change a playlist is refused. */

const goToPlaylists = { label: 'Go to your playlists', href: routes.playlists() };

export const noUri = {
  status: 400,
  reason: 'no-uri',
  title: 'This can’t be added to a playlist',
  text: 'Send the URI of a track or an episode as "uri", such as spotify:track:… Local files can’t be added.',
  actions: [goToPlaylists],
};

export const playlistChanged = {
  status: 409,
  reason: 'playlist-changed',
  title: 'The playlist has changed',
  text: 'Nothing was removed. Request the playlist again, and use its current "snapshotId".',
  actions: [goToPlaylists],
};

export const noSnapshot = {
  status: 400,
  reason: 'no-snapshot',
  title: 'Which version of the playlist?',
  text: 'Send the "snapshotId" of the version you saw as "snapshot", so that nothing else is removed by mistake.',
  actions: [goToPlaylists],
};

/** For details that only Spotify can judge. */
export const notAccepted = invalidDetails(
  'Spotify doesn’t accept these details. A collaborative playlist, for example, can’t be public.',
);

/** Returns the error page for details that aren't valid; `text` says why. */
export function invalidDetails(text: string) {
  return {
    status: 400,
    reason: 'bad-playlist',
    title: 'This isn’t a valid playlist',
    text,
    actions: [goToPlaylists],
  };
}
