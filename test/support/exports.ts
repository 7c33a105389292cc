import { get, type IncomingMessage } from 'node:http';
import { allowAll } from './pages.ts';
import type { Browser, Turntable } from './turntable.ts';

export const longName = 'Everything I ever liked';

export type Item = {
  item: { kind: string; name: string | null; local?: boolean; restriction: string | null } | null;
  playable: boolean | null;
  addedAt: string | null;
};
export type Stop = { reason: string; until: string | null; resume: string };
export type File = {
  id: string;
  name: string;
  items: Item[];
  manifest: Record<string, unknown> & { written: number; complete: boolean; stopped: Stop | null };
};

export async function signedIn({ browser }: Turntable, listener = 'mara'): Promise<Browser> {
  const person = browser();
  await person.signIn(listener, allowAll);
  return person;
}

/** The address of the playlist of this name, on whichever page of them it stands. */
export async function playlistNamed(person: Browser, name: string): Promise<string> {
  for (let page = 1; ; page += 1) {
    const { body } = await person.getJson(`/playlists?page=${page}`).expect(200);
    const found = (body.playlists as { id: string; name: string }[]).find((one) => one.name === name);
    if (found) return `/playlists/${found.id}`;
  }
}

export async function file(person: Browser, path: string): Promise<File> {
  return JSON.parse((await person.get(path).buffer(true).expect(200)).text);
}

/** Makes each page of a playlist take its time. */
export function slow({ simulator }: Turntable, delayMs: number, times = 1000): void {
  simulator.fault({ on: /\/(items|tracks)$/, times, delayMs });
}

/** Makes a playlist look longer than any that is collected before its file begins. */
export function lengthen({ simulator }: Turntable, delayMs: number, times = 60): void {
  const track = { type: 'track', name: 'One of many', artists: [], album: null };
  const items = Array.from({ length: 50 }, () => ({ item: track, track }));
  const body = JSON.stringify({ total: 3000, items });
  simulator.fault({ on: /\/(items|tracks)$/, times, delayMs, answer: { status: 200, body } });
}

/** A request whose answer is read by hand. */
export function open({ url }: Turntable, person: Browser, path: string): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    get(`${url}${path}`, { headers: { Cookie: person.cookieHeader(), Accept: 'text/html' } }, resolve).once(
      'error',
      reject,
    );
  });
}

/** What came of a download; `isWhole` is false if the connection broke before its end. */
export type Download = { status: number; headers: Record<string, string>; text: string; isWhole: boolean };

/** Downloads a file as a browser does. */
export async function download(turntable: Turntable, person: Browser, path: string): Promise<Download> {
  const answer = await open(turntable, person, path);
  let text = '';
  try {
    for await (const piece of answer.setEncoding('utf8')) text += piece;
  } catch {
    // The connection broke: the answer is not complete.
  }
  const { statusCode: status = 0, headers } = answer;
  return { status, headers: headers as Record<string, string>, text, isWhole: answer.complete };
}
