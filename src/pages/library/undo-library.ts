import * as v from '@badrap/valita';
import type { Hub } from '../../live/hub.ts';
import { routes } from '../../routes.ts';
import { isLibraryUri, isUri } from '../../spotify/uri.ts';
import type { Undo, Undone } from '../../web/undo.ts';
import { noticeFor } from './saving.ts';

export type UndoLibrary = ReturnType<typeof createUndoLibrary>;

type Deps = { undo: Undo; hub: Hub };

/**
 * The undo of a removal from the library, or of unfollowing something: it is saved or followed again. Spotify counts that from today, so the date on
 * which it was saved is lost. One call.
 */
export function createUndoLibrary({ undo, hub }: Deps) {
  return undo.createKind({
    path: routes.undoLibrary,
    schema: v.object({ uri: v.string().assert(isLibraryUri) }),
    async work(listener, { uri }): Promise<Undone> {
      await listener.spotify.save(uri);
      if (isUri(uri)) await hub.recordSaved(listener.accountId, uri, true);
      const notice = noticeFor(uri, true);
      return { notice: notice === 'track-saved' ? 'unsave-undone' : notice };
    },
  });
}
