import { get, type IncomingMessage } from 'node:http';
import { parse } from 'csv-parse/sync';
import { allowAll } from './pages.ts';
import type { Browser, Turntable } from './turntable.ts';

export const longPlaylistName = 'Everything I ever liked';

export type ExportedItem = {
  item: { kind: string; name: string | null; local?: boolean; restriction: string | null } | null;
  playable: boolean | null;
  addedAt: string | null;
};
export type StopReason = { reason: string; until: string | null; resume: string };
export type ExportFile = {
  id: string;
  name: string;
  items: ExportedItem[];
  manifest: Record<string, unknown> & { written: number; complete: boolean; stopped: StopReason | null };
};

export async function signInToExport({ browser }: Turntable, listener = 'mara'): Promise<Browser> {
  const person = browser();
  await person.signIn(listener, allowAll);
  return person;
}

/** Returns the path of the playlist with this name, from all pages of the list. */
export async function playlistNamed(person: Browser, name: string): Promise<string> {
  for (let page = 1; ; page += 1) {
    const { body } = await person.getJson(`/playlists?page=${page}`).expect(200);
    const found = (body.playlists as { id: string; name: string }[]).find((one) => one.name === name);
    if (found) return `/playlists/${found.id}`;
  }
}

/** The formats of a file share pages for this long. */
export const untilPagesExpire = { minutes: 6 };

export async function getFile(person: Browser, path: string): Promise<ExportFile> {
  return JSON.parse((await person.get(path).buffer(true).expect(200)).text);
}

/** Reads a table strictly: no row may have another number of fields than the header. Returns its rows by column. */
export function readTable(text: string, delimiter = ','): Record<string, string>[] {
  return parse(text, { columns: true, delimiter, record_delimiter: '\r\n', bom: true });
}

/** Delays each page of a playlist's items. */
export function delayPages({ simulator }: Turntable, delayMs: number, times = 1000): void {
  simulator.fault({ on: /\/(items|tracks)$/, times, delayMs });
}

/** Makes playlists longer than those that are collected before their file begins. */
export function lengthenPlaylist({ simulator }: Turntable, delayMs: number, times = 60): void {
  const track = { type: 'track', name: 'One of many', artists: [], album: null };
  const items = Array.from({ length: 50 }, () => ({ item: track, track }));
  const body = JSON.stringify({ total: 3000, items });
  simulator.fault({ on: /\/(items|tracks)$/, times, delayMs, answer: { status: 200, body } });
}

/** Requests a path. The caller reads the response. */
export function openDownload({ url }: Turntable, person: Browser, path: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(`${url}${path}`, { headers: { Cookie: person.cookieHeader(), Accept: 'text/html' } }, resolve).once(
      'error',
      reject,
    );
  });
}

/** The result of a download. `isWhole` is false if the connection broke before its end. */
export type Download = { status: number; headers: Record<string, string>; text: string; isWhole: boolean };

/** Downloads a file as a browser does. */
export async function download(turntable: Turntable, person: Browser, path: string): Promise<Download> {
  const res = await openDownload(turntable, person, path);
  let text = '';
  try {
    for await (const chunk of res.setEncoding('utf8')) text += chunk;
  } catch {
    // The connection broke: res.complete is false.
  }
  const { statusCode: status = 0, headers } = res;
  return { status, headers: headers as Record<string, string>, text, isWhole: res.complete };
}
