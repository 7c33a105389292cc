import { routes } from '../../routes.ts';
import { maxChangedItems } from '../../spotify/limits.ts';
import { linkTo } from '../../web/errors.ts';
import { textOfNotice } from '../../web/notices.ts';

/* Why a request to change a playlist is refused. */

const goToPlaylists = linkTo('Go to your playlists', routes.playlists);

export const noUri = {
  status: 400,
  reason: 'no-uri',
  title: 'This can’t be added to a playlist',
  text: 'Send the URI of a track or an episode as "uri", such as spotify:track:…, up to a hundred times. Local files can’t be added.',
  actions: [goToPlaylists],
};

/** For a removal of nothing, or of more than one call can remove. `playlist`: the path of its page. */
export function nothingToRemove(playlist: string) {
  return {
    status: 400,
    reason: 'no-uri',
    title: 'What should be removed?',
    text: `Select at least one item, and at most ${maxChangedItems}. Nothing was removed. Local files can only be removed on Spotify. Programs send a track or an episode as "uri", such as spotify:track:….`,
    actions: [{ label: 'Go back to the playlist', href: playlist }],
  };
}

/** How many playlists one form can add to: each takes a call to Spotify. */
export const maxPlaylists = 10;

export const noPlaylist = {
  status: 400,
  reason: 'no-playlist',
  title: 'Which playlist?',
  text: `Choose at least one playlist, and at most ${maxPlaylists} at once.`,
  actions: [goToPlaylists],
};

export const nothingThere = {
  status: 404,
  reason: 'playlist-or-item-gone',
  title: 'This playlist or item is gone',
  text: 'Nothing was added. Spotify has no such playlist, or nothing that can be added at that URI. It may have been deleted.',
  actions: [goToPlaylists],
};

export const notYours = {
  status: 403,
  reason: 'not-your-playlist',
  title: 'This playlist can’t be changed from here',
  text: 'Nothing was added. Spotify refused: you can only add to playlists that you own or collaborate on.',
  actions: [goToPlaylists],
};

/** The playlists that were chosen, by whether the items were added to them. */
type Additions<T> = { added: readonly T[]; failed: readonly T[]; unsure: readonly T[] };

/** For items that only some of the chosen playlists have now. `tryAgain` leads to the form for the playlists that haven't. */
export function partlyAdded(
  names: Additions<string>,
  ids: Additions<string>,
  tryAgain: string,
  undo: string | null,
) {
  const list = new Intl.ListFormat('en');
  const { added, failed, unsure } = names;
  const text = [
    added.length > 0 && `Added to ${list.format(added)}.`,
    failed.length > 0 && `Spotify didn’t add anything to ${list.format(failed)}.`,
    // safeguard: unknown-is-not-failed
    unsure.length > 0 &&
      `Spotify didn’t respond, so this may or may not have been added to ${list.format(unsure)}. Look there before you add it again.`,
  ];
  const again = { label: 'Try again with the rest', href: tryAgain };
  return {
    status: 502,
    reason: 'partly-added',
    title: added.length > 0 ? 'Added to some of the playlists' : 'Spotify didn’t respond',
    text: text.filter(Boolean).join(' '),
    actions: failed.length > 0 ? [again, goToPlaylists] : [goToPlaylists],
    undo,
    details: ids,
  };
}

/** For a new playlist whose answer was lost. */
export const creationUnknown = {
  status: 502,
  reason: 'creation-unknown',
  title: 'Spotify didn’t respond',
  text: 'The playlist may or may not have been created. Look at your playlists before you try again.',
  actions: [goToPlaylists],
};

export const playlistChanged = {
  status: 409,
  reason: 'playlist-changed',
  title: 'The playlist has changed',
  text: 'Nothing was changed. Request the playlist again, and use its current "snapshotId".',
  actions: [goToPlaylists],
};

/** For a change whose answer was lost. `undo` undoes what was done of it. */
export function changeUnknown(undo: string | null = null) {
  return {
    status: 502,
    reason: 'change-unknown',
    title: 'Spotify didn’t respond',
    text: textOfNotice(undo === null ? 'change-unknown' : 'change-unknown-with-undo'),
    actions: [goToPlaylists],
    undo,
  };
}

/** For a removal after which some of the items that should stay couldn't be put back. `undo` puts it back. */
export function copiesMissing(undo: string | null) {
  return {
    status: 502,
    reason: 'copies-missing',
    title: 'Not everything was put back',
    text: textOfNotice('copies-missing'),
    actions: [goToPlaylists],
    undo,
  };
}

export const keepOneOnly = {
  status: 400,
  reason: 'one-item',
  title: 'One item at a time',
  text: 'Only one item at a time can be reduced to a single copy.',
  actions: [goToPlaylists],
};

export const changeRefused = {
  status: 409,
  reason: 'change-refused',
  title: 'Spotify didn’t accept this change',
  text: 'Nothing was changed.',
  actions: [goToPlaylists],
};

/** For programs that remove more copies than they may know of. `copies` is null if the playlist is too long to count them. */
export function severalCopies(copies: number | null) {
  return {
    status: 409,
    reason: 'several-copies',
    title: 'This removes more than one copy',
    text: `${copies === null ? 'The playlist is too long to count the copies.' : `The playlist contains ${copies} copies.`} Spotify removes all of them. Send "confirmed" as true to do that.`,
    actions: [goToPlaylists],
  };
}

export const tooLong = {
  status: 409,
  reason: 'playlist-too-long',
  title: 'This playlist is too long for that',
  text: 'Turntable would have to read all of it first. You can do this on Spotify.',
  actions: [goToPlaylists],
};

export const noPosition = {
  status: 400,
  reason: 'no-position',
  title: 'Where to?',
  text: 'Enter a position in the playlist, from 1 to the number of its items.',
  actions: [goToPlaylists],
};

export const noEntry = {
  status: 400,
  reason: 'no-entry',
  title: 'Which item?',
  text: 'Send the item to move as "entry": its position in the playlist, from 0, and its URI, such as "2 spotify:track:…". Nothing was moved.',
  actions: [goToPlaylists],
};

export const noSnapshot = {
  status: 400,
  reason: 'no-snapshot',
  title: 'Which version of the playlist?',
  text: 'Send the "snapshotId" of the version you saw as "snapshot", so that no other item is changed by mistake. Nothing was changed.',
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
