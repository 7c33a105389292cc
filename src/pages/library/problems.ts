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

export const noUri = {
  status: 400,
  reason: 'no-uri',
  title: 'This can’t be saved',
  text: `Send the URI of a track, an episode, an album, a show, an artist, or a playlist as "uri", such as spotify:track:…, up to ${maxSavedItems} times. Local files can’t be saved.`,
  actions: [goToLibrary],
};

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

/** For a change that Spotify made only in part. `undo` undoes that part. */
export function partlyChanged(
  done: readonly string[],
  all: readonly string[],
  isSaving: boolean,
  undo: string | null,
) {
  const counts = `${done.length} of ${all.length}`;
  return {
    status: 502,
    reason: 'partly-changed',
    title: isSaving ? 'Saved only in part' : 'Removed only in part',
    text: `${isSaving ? 'Saved' : 'Removed'} ${counts}, then Spotify refused or didn’t respond. Doing it again does no harm.`,
    actions: [goToLibrary],
    undo,
    details: { done, failed: all.filter((uri) => !done.includes(uri)) },
  };
}
