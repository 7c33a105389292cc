import { get } from 'node:http';
import type { Simulator } from '../simulator/simulator.ts';
import type { Server } from '../test/support/fleet.ts';

/** Spotify returns at most this many rows at once. */
export const rowsPerCall = 50;

/** Gives the simulator a playlist with this many rows, all of the usual length. Everyone can read it. */
export function addLongPlaylist(simulator: Simulator, id: string, rows: number): void {
  const answer = (body: object) => ({ status: 200, body: JSON.stringify(body) });
  const card = { id, name: `${rows} rows`, snapshot_id: 'a', owner: { id: 'mara' }, items: { total: rows } };
  simulator.fault({ on: new RegExp(`/playlists/${id}$`), times: 1_000, answer: answer(card) });
  const items = Array.from({ length: rowsPerCall }, (_, index) => ({
    added_at: '2024-05-06T07:08:09Z',
    added_by: { id: 'mara' },
    item: trackOf(index),
  }));
  const page = answer({ total: rows, items });
  simulator.fault({ on: new RegExp(`/playlists/${id}/items$`), times: 10_000, answer: page });
}

/** A track with all the fields that files ask for, of the usual length. */
function trackOf(index: number): object {
  const named = (kind: string, name: string) => ({
    name,
    uri: `spotify:${kind}:${String(index).padStart(22, 'a')}`,
    external_urls: { spotify: `https://open.spotify.com/${kind}/${String(index).padStart(22, 'a')}` },
  });
  const images = [640, 300, 64].map((size) => ({
    url: `https://i.scdn.co/image/ab67616d${String(size).padStart(32, '0')}`,
    width: size,
    height: size,
  }));
  return {
    ...named('track', `A track of the usual length, number ${index}`),
    type: 'track',
    duration_ms: 200_000 + index,
    artists: [named('artist', 'One of two artists'), named('artist', 'The other one')],
    album: {
      ...named('album', 'An album'),
      images,
      release_date: '2020-01-02',
      artists: [named('artist', 'One of two artists')],
    },
    external_ids: { isrc: `XXSIM26${String(index).padStart(5, '0')}` },
    disc_number: 1,
    track_number: index + 1,
  };
}

/** Downloads a file and counts its bytes. Throws if it isn't whole. */
export function download(server: Server, cookie: string, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    get(server.url + path, { headers: { Cookie: cookie, Host: server.host } }, (response) => {
      let bytes = 0;
      response.on('data', (piece: Buffer) => {
        bytes += piece.length;
      });
      response.once('end', () => resolve(bytes));
      response.once('error', reject);
      if (response.statusCode !== 200) reject(new Error(`Status ${response.statusCode}`));
    }).once('error', reject);
  });
}
