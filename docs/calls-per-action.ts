/*
 * How many calls to Spotify each action takes. The second table in spotify-calls.md is generated from this one, and
 * test/fleet/calls-per-action.test.ts carries out every action and compares it with what Spotify was asked.
 */

/** `calls` are named as in 2026-02. `polls` follow if a page shows what is playing. */
export type Action = { what: string; route: string; calls: readonly string[]; polls: 0 | 2 };

const play = 'PUT /me/player/play';
const shuffle = 'PUT /me/player/shuffle';
const items = '/playlists/{id}/items';

/** A command to the player. Spotify shows its effect late, so two polls follow, which commands in quick succession share. */
function command(what: string, name: string, ...calls: string[]): Action {
  return { what, route: `/player/${name}`, calls, polls: 2 };
}

/** Anything else: it changes nothing about what is playing. */
function other(what: string, route: string, ...calls: string[]): Action {
  return { what, route, calls, polls: 0 };
}

export const actions: readonly Action[] = [
  command('Resume', 'play', play),
  command('Play tracks or episodes', 'play', play),
  command('Play an album, an artist, or a playlist', 'play', play),
  command('Shuffle an album, an artist, or a playlist', 'play', shuffle, play),
  command('Play saved tracks', 'play', 'GET /me/tracks', 'GET /me/tracks', play),
  command('Play a podcast', 'play', 'GET /shows/{id}', play),
  command('Pause', 'pause', 'PUT /me/player/pause'),
  command('Next', 'next', 'POST /me/player/next'),
  command('Previous', 'previous', 'POST /me/player/previous'),
  command('Seek', 'seek', 'PUT /me/player/seek'),
  command('Volume', 'volume', 'PUT /me/player/volume'),
  command('Shuffle', 'shuffle', shuffle),
  command('Repeat', 'repeat', 'PUT /me/player/repeat'),
  command('Move to another device', 'device', 'PUT /me/player'),
  other('Add to the queue', '/player/queue', 'POST /me/player/queue'),
  other(
    'Add three to the queue',
    '/player/queue',
    'POST /me/player/queue',
    'POST /me/player/queue',
    'POST /me/player/queue',
  ),
  other('Save', '/library/save', 'PUT /me/library'),
  other('Save several', '/library/save', 'PUT /me/library'),
  other('Remove from the library', '/library/remove', 'DELETE /me/library'),
  other('Undo that', '/undo/library/{token}', 'PUT /me/library'),
  other('Follow an artist', '/library/save', 'PUT /me/library'),
  other('Unfollow an artist', '/library/remove', 'DELETE /me/library'),
  other('Follow a playlist', '/library/save', 'PUT /me/library'),
  other('Unfollow or delete a playlist', '/library/remove', 'DELETE /me/library'),
  other('Create a playlist', '/playlists', 'POST /me/playlists'),
  other('Create one with items', '/playlists', 'POST /me/playlists', `POST ${items}`),
  other('Edit its details', '/playlists/{id}', 'PUT /playlists/{id}'),
  other('Change its cover', '/playlists/{id}/cover', 'PUT /playlists/{id}/images'),
  other('Add items to a playlist', '/playlists/{id}/items', `POST ${items}`),
  other('Add items to two playlists', '/playlists/add', `POST ${items}`, `POST ${items}`),
  other(
    'Undo an addition',
    '/undo/addition/{token}',
    'GET /playlists/{id}',
    `GET ${items}`,
    `DELETE ${items}`,
  ),
  other('Move an item', '/playlists/{id}/move', `PUT ${items}`),
  other('Remove items', '/playlists/{id}/remove', `GET ${items}`, `DELETE ${items}`),
  other('Undo a removal', '/undo/removal/{token}', 'GET /playlists/{id}', `POST ${items}`),
  other(
    'Keep one of several copies',
    '/playlists/{id}/keep-one',
    `GET ${items}`,
    `DELETE ${items}`,
    `POST ${items}`,
  ),
];

/** The table as it stands in spotify-calls.md. */
export function actionsTable(): string {
  const lines = actions.map(({ what, route, calls, polls }) => {
    const counted = [...new Set(calls)].map((call) => {
      const count = calls.filter((one) => one === call).length;
      return count === 1 ? `\`${call}\`` : `${count} × \`${call}\``;
    });
    return `| ${what} | \`POST ${route}\` | ${calls.length}: ${counted.join(', ')} | ${polls} |`;
  });
  return ['| action | route | calls | polls |', '| --- | --- | --- | --- |', ...lines].join('\n');
}
