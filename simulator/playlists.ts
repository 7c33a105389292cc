import type { Episode, LocalTrack, Track } from './catalog.ts';
import { edgeCaseTracks, episodes, localTracks, tracks } from './catalog.ts';
import { createId, createRandom, type Random } from './random.ts';

/** The owner of a playlist. Spotify sends empty ids and missing names. */
export type Owner = { id: string; name: string | null | undefined };

export type Entry = {
  /** Null if the track no longer exists. */
  item: Track | Episode | LocalTrack | null;
  addedAt: string | null;
  /** A user id; null or empty for old entries. */
  addedBy: string | null;
  isPlayable: boolean;
};

export type Playlist = {
  kind: 'playlist';
  id: string;
  name: string;
  /** HTML-escaped, as Spotify returns it. Left out of the JSON if undefined. */
  description: string | null | undefined;
  owner: Owner;
  /** `own` and `uploaded`: uploaded by the owner before and since the start, without a size in Spotify's JSON. `null` and `none` are two ways to have no picture. */
  picture: 'drawn' | 'own' | 'uploaded' | 'none' | 'null';
  isPublic: boolean | null;
  collaborative: boolean;
  entries: Entry[];
  hasTotal: boolean;
  /** Incremented with every change. */
  version: number;
};

type Draft = Partial<Omit<Playlist, 'entries' | 'id'>> & { name: string; key?: string; length?: number };

const mara: Owner = { id: 'mara', name: 'Mara Lindqvist' };
const noor: Owner = { id: 'noor', name: 'Noor Haddad' };
const tove: Owner = { id: 'tovekilde', name: 'Tove Kilde' };
const emeka: Owner = { id: 'emeka.bright', name: 'Emeka Brightwater' };
const nullName: Owner = { id: '31k7qf0nameless', name: null };
const noName: Owner = { id: 'x9unnamed', name: undefined };
const noId: Owner = { id: '', name: 'Someone' };

const otherOwners = [tove, emeka];

// The first page should look like a real library, so the edge cases come after it.
const marasFirstPage: Draft[] = [
  { name: 'Sunday, slowly', description: 'For the second pot of coffee.', length: 20 },
  { name: 'Kitchen, loud', description: 'Chop in time.', length: 42 },
  { name: 'Night trains', description: 'Window seat, no reading light.', length: 31, isPublic: false },
  {
    name: 'Dinner for six',
    description: 'Add two songs, bring one dish.',
    collaborative: true,
    isPublic: false,
    length: 38,
  },
  { name: 'Rain on the skylight', description: '', length: 27 },
  { name: 'Lighthouse keepers', owner: tove, description: 'Songs that can see the sea.', length: 64 },
  { name: 'Paper & pencil', description: 'No words, so mine can come.', length: 55 },
  { name: 'First warm evening', description: 'Open both windows.', length: 33 },
  { name: 'Bicycle repair', description: '', length: 18, isPublic: false },
];

const marasEdgeCases: Draft[] = [
  {
    name: 'Everything I ever liked',
    description: 'One thousand two hundred, and counting.',
    length: 1200,
    isPublic: false,
  },
  { name: 'Late', description: 'Rock &amp; Roll &#x27;til &quot;late&quot;', length: 22 },
  { name: 'Polaroids', picture: 'own', description: null, length: 12 },
  { name: 'Someday', picture: 'null', description: '', length: 0 },
  { name: 'New playlist (3)', picture: 'none', description: undefined, length: 2 },
  { name: '', key: 'empty name', description: null, length: 9 },
  { name: '<b>bold</b> & <script>alert(1)</script>', description: '&lt;i&gt;plain&lt;/i&gt;', length: 11 },
  {
    name: 'Songs for the long way round, past the mill and the second bridge, '.repeat(5).slice(0, 300),
    description: 'The name got a little out of hand.',
    length: 14,
  },
  { name: 'שירים לדרך הביתה', description: 'עם חלון פתוח', length: 16 },
  { name: 'أغاني آخر الليل', description: 'للطريق الطويل', owner: noor, length: 21 },
  { name: '🌧️☕️👩🏽‍🚀 mood', description: '🫧', length: 25 },
  { name: 'How many were there?', hasTotal: false, description: null, length: 17 },
  { name: 'From a stranger', owner: nullName, description: '', length: 29 },
  { name: 'From a quieter stranger', owner: noName, description: null, length: 13 },
  { name: 'Found at a bus stop', owner: noId, isPublic: null, description: null, length: 10 },
  {
    name: 'Band practice',
    owner: emeka,
    collaborative: true,
    isPublic: false,
    description: 'Learn the bridge, please.',
    length: 19,
  },
  {
    name: 'Choir warm-ups',
    owner: tove,
    collaborative: true,
    isPublic: null,
    picture: 'own',
    description: '',
    length: 8,
  },
];

const noorsPlaylists: Draft[] = [
  { name: 'Morning walk', description: 'Twenty-eight minutes, doorstep to desk.', length: 9 },
  { name: 'Bread & records', description: 'Proof, knead, repeat.', length: 24 },
  { name: 'From the old laptop', description: 'Files from home.', key: 'local', length: 12 },
  { name: 'Balcony, August', description: '', length: 36 },
  { name: 'Songs my sister sent', description: 'She is always right.', length: 47, isPublic: false },
  { name: 'Deep work', description: '', length: 62 },
  { name: 'Songs that can see the sea', owner: tove, description: 'From Tove.', length: 30 },
  { name: 'Umbrella weather', description: '', length: 23 },
  { name: 'One more chapter', description: 'Reading aloud, quietly scored.', length: 15 },
  { name: 'Flat party', owner: emeka, collaborative: true, isPublic: false, description: '', length: 58 },
  { name: 'Slow cooker', description: '', picture: 'none', length: 20, isPublic: false },
  { name: 'Train to Leeds', description: 'Two hours, one seat.', length: 26 },
];

const moods = [
  'Soft',
  'Late',
  'Golden',
  'Slow',
  'Bright',
  'Quiet',
  'Warm',
  'Northern',
  'Borrowed',
  'Paper',
  'Velvet',
  'Distant',
];
const things = [
  'Mornings',
  'Kitchens',
  'Departures',
  'Windows',
  'Weekends',
  'Harvest',
  'Signals',
  'Rooms',
  'Streets',
  'Summers',
  'Letters',
  'Evenings',
];
const remarks = [
  '',
  '',
  'Start anywhere.',
  'For headphones.',
  'Made on a train.',
  'Better with the lights low.',
  'For the walk home.',
  'Saved since last winter.',
];

const marasCount = 137;
/** The positions of null entries in Mara's list: Spotify returns its own playlists as null. */
const marasNullPositions = [12, 37, 58, 84, 120];

function createPlaylist(listenerId: string, owner: Owner, { key, length = 25, ...draft }: Draft): Playlist {
  const id = createId(`playlist ${listenerId} ${key ?? draft.name}`);
  const playlist: Playlist = {
    kind: 'playlist',
    id,
    description: null,
    owner,
    picture: 'drawn',
    isPublic: true,
    collaborative: false,
    hasTotal: true,
    entries: [],
    version: 1,
    ...draft,
  };
  const random = createRandom(id);
  playlist.entries =
    length >= 1000
      ? longEntries(random, length, playlist.owner)
      : key === 'local'
        ? entriesWithLocalFiles(random, length, playlist.owner)
        : ordinaryEntries(random, length, playlist.owner);
  return playlist;
}

function entry(item: Entry['item'], owner: Owner, addedAt: number): Entry {
  return {
    item,
    addedAt: new Date(addedAt).toISOString().replace(/\.\d+Z/, 'Z'),
    addedBy: owner.id,
    isPlayable: true,
  };
}

/** Different tracks, never two in a row from the same album. */
function ordinaryEntries(random: Random, length: number, owner: Owner): Entry[] {
  const remaining = new Set(tracks);
  let addedAt = Date.UTC(2024, random.between(0, 11), 3, 18);
  let track: Track | undefined;
  return Array.from({ length }, () => {
    const candidates = [...remaining].filter(({ album }) => album !== track?.album);
    track = random.pick(candidates);
    remaining.delete(track);
    addedAt += random.between(1, 200) * 3_600_000;
    return entry(track, owner, Math.min(addedAt, Date.UTC(2026, 9, 30)));
  });
}

/** An old, long playlist with everything that accumulates over the years. */
function longEntries(random: Random, length: number, owner: Owner): Entry[] {
  let addedAt = Date.UTC(2013, 4, 1, 20);
  let item: Entry['item'] = null;
  return Array.from({ length }, (_, index) => {
    const kind = random.between(1, 100);
    if (kind <= 2) item = null;
    else if (kind <= 4) item = random.pick(localTracks);
    else if (kind <= 6) item = random.pick(episodes);
    else if (kind <= 8) item = random.pick(edgeCaseTracks);
    // Otherwise the item of the previous entry is repeated.
    else if (kind <= 96) item = random.pick(tracks);
    addedAt += random.between(1, 190) * 3_600_000;
    const added = entry(item, owner, addedAt);
    if (index < 60) return { ...added, addedAt: null, addedBy: null };
    if (random.percent(2)) return { ...added, addedBy: '' };
    return random.percent(4) ? { ...added, isPlayable: false } : added;
  });
}

/** Every third entry is a local file. */
function entriesWithLocalFiles(random: Random, length: number, owner: Owner): Entry[] {
  return ordinaryEntries(random, length, owner).map((added, index) => {
    const local = index % 3 === 1 ? localTracks[Math.floor(index / 3) % localTracks.length] : undefined;
    return local ? { ...added, item: local } : added;
  });
}

function marasPlaylists(): (Playlist | null)[] {
  const random = createRandom('the shelf of mara');
  const list: (Playlist | null)[] = marasFirstPage.map((draft) => createPlaylist('mara', mara, draft));
  const edgeCases = marasEdgeCases.map((draft) => createPlaylist('mara', mara, draft));
  for (let step = 0; list.length < marasCount; step += 1) {
    const position = list.length;
    if (marasNullPositions.includes(position)) {
      list.push(null);
      continue;
    }
    // After the first dozen, every fourth is an edge case until there are none left.
    const edgeCase = position > 11 && position % 4 === 2 ? edgeCases.shift() : undefined;
    list.push(edgeCase ?? createPlaylist('mara', mara, generatedDraft(random, step)));
  }
  return list;
}

function generatedDraft(random: Random, step: number): Draft {
  const combination = (step * 53) % (moods.length * things.length);
  const isFollowed = random.percent(22);
  return {
    name: `${moods[combination % moods.length]} ${things[Math.floor(combination / moods.length)]}`,
    description: random.pick(remarks),
    length: random.between(8, 60),
    ...(isFollowed ? { owner: random.pick(otherOwners) } : { isPublic: random.percent(70) }),
  };
}

/** The playlists that each listener starts with, in order. */
export const initialPlaylists: ReadonlyMap<string, readonly (Playlist | null)[]> = new Map([
  ['mara', marasPlaylists()],
  ['jonas', []],
  ['noor', noorsPlaylists.map((draft) => createPlaylist('noor', noor, draft))],
]);

/** The same in one list, without the null entries. */
export const playlists: readonly Playlist[] = [...initialPlaylists.values()]
  .flat()
  .filter((playlist) => playlist !== null);
