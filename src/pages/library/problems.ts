import { routes } from '../../routes.ts';
import { maxSavedItems } from '../../spotify/limits.ts';
import { linkTo } from '../../web/errors.ts';

/* Why a request to change the library is refused. */

const goToLibrary = linkTo('Go to your library', routes.library);

export const libraryChanged = {
  status: 409,
  reason: 'library-changed',
  title: 'Your library has changed',
  text: 'Nothing was removed. Request the list again, and use the current position of the track.',
  actions: [goToLibrary],
};

const whatToSend = `the URI of a track, an episode, an album, a show, an artist, or a playlist as "uri", such as spotify:track:…, up to ${maxSavedItems} times.`;

export const noUri = {
  status: 400,
  reason: 'no-uri',
  title: 'This can’t be saved',
  text: `Send ${whatToSend} Local files can’t be saved.`,
  actions: [goToLibrary],
};

/** For a change of nothing, or of more than one form can change. `goTo`: the page of the form. */
export function nothingToChange(isSaving: boolean, goTo: string) {
  return {
    ...noUri,
    title: isSaving ? 'What should be saved?' : 'What should be removed?',
    text: `Select at least one item, and at most ${maxSavedItems}. Nothing was ${isSaving ? 'saved' : 'removed'}. Programs send ${whatToSend}`,
    actions: [{ label: 'Go back', href: goTo }],
  };
}

export const noCheckableUri = {
  status: 400,
  reason: 'no-uri',
  title: 'This can’t be looked up in your library',
  text: 'Send the URI of a track, an episode, an album, or a show as "uri".',
  actions: [goToLibrary],
};

export const artistsNotOffered = {
  status: 403,
  reason: 'artists-not-offered',
  title: 'Artists can’t be followed from here',
  text: 'Spotify doesn’t let this site’s app follow or unfollow artists. Nothing has changed. You can do it on Spotify.',
  actions: [linkTo('Go to the artists you follow', routes.followedArtists), goToLibrary],
};

/* Of several things, after some were saved or removed. */

export const otherArtistsNotOffered = {
  ...artistsNotOffered,
  text: 'Spotify doesn’t let this site’s app follow or unfollow artists. You can do it on Spotify.',
};

export const othersGone = {
  status: 404,
  reason: 'items-gone',
  title: 'Some of these are gone',
  text: 'Spotify no longer has everything that you selected. Some of it may have been deleted.',
  actions: [goToLibrary],
};

/** For a change that failed after a part of it was done. `undo` undoes that part. */
export function partlyChanged(
  done: readonly string[],
  all: readonly string[],
  isSaving: boolean,
  undo: string | null,
) {
  return {
    reason: 'partly-changed',
    text: `${isSaving ? 'Saved' : 'Removed'} ${done.length} of ${all.length}.`,
    undo,
    details: { done, failed: all.filter((uri) => !done.includes(uri)) },
  };
}
