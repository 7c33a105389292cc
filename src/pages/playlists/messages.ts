import { routes } from '../../routes.ts';

/* What the pages of playlists say after a change, and why one was refused. */

export const saidHere: Readonly<Record<string, string>> = {
  created: 'Your new playlist is there.',
  changed: 'The playlist is changed.',
  added: 'It is added, at the end.',
  removed: 'It is removed, wherever in the playlist it stood.',
  'changed-meanwhile': 'Nothing was removed: the playlist has been changed meanwhile. This is how it is now.',
};

const back = { label: 'Go to your playlists', href: routes.playlists() };

export const noUri = {
  status: 400,
  reason: 'no-uri',
  title: 'That is nothing for a playlist',
  text: 'Give the URI of a track or an episode as "uri", such as spotify:track:… Files of your own cannot be added.',
  actions: [back],
};

export const changedMeanwhile = {
  status: 409,
  reason: 'playlist-changed',
  title: 'The playlist has been changed meanwhile',
  text: 'Nothing was removed. Ask for the playlist again, and use its "snapshotId" of now.',
  actions: [back],
};

export const noSnapshot = {
  status: 400,
  reason: 'no-snapshot',
  title: 'From which playlist exactly?',
  text: 'Give the "snapshotId" of the playlist as you saw it as "snapshot", so that nothing else is removed by mistake.',
  actions: [back],
};
