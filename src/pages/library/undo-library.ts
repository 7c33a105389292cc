import * as v from '@badrap/valita';
import type { Request } from 'express';
import type { Hub } from '../../live/hub.ts';
import { routes } from '../../routes.ts';
import { isLibraryUri } from '../../spotify/uri.ts';
import type { Undo, Undone } from '../../web/undo.ts';
import { noticeFor, recordAllSaved } from './saving.ts';

export type UndoLibrary = ReturnType<typeof createUndoLibrary>;

type Deps = { undo: Undo; hub: Hub };

const uri = v.string().assert(isLibraryUri);
/** The URIs that were removed. A single one is stored as in earlier versions, so that a process of one can undo it as well. */
const removal = v.union(v.object({ uri }), v.object({ uris: v.array(uri) }));

/**
 * The undo of a removal from the library, or of unfollowing something: it is saved or followed again. Spotify counts that from today, so the date on
 * which it was saved is lost. As many calls as the removal.
 */
export function createUndoLibrary({ undo, hub }: Deps) {
  const kind = undo.createKind({
    path: routes.undoLibrary,
    schema: removal,
    async work(listener, value): Promise<Undone> {
      const uris = 'uri' in value ? [value.uri] : value.uris;
      await listener.spotify.save(uris);
      await recordAllSaved(hub, listener.accountId, uris, true);
      const notice = noticeFor(uris, true);
      return { notice: notice === 'track-saved' ? 'unsave-undone' : notice };
    },
  });

  return {
    /** The route of its undo. */
    router: kind.router,

    /** Offers to save these again: see undo.ts. Null: there is nothing to undo. */
    offer(req: Request, uris: readonly string[] | null): Promise<string | null> {
      const [first] = uris ?? [];
      if (!uris || first === undefined) return kind.offer(req, null);
      return kind.offer(req, uris.length === 1 ? { uri: first } : { uris: [...uris] });
    },
  };
}
