import type { Episode, LocalTrack, Track } from './catalogue.ts';
import { episodes, localTracks, oddTracks, tracks } from './catalogue.ts';
import { type Chance, chanceOf, idOf } from './random.ts';

/** Somebody who owns a playlist. An empty id and a missing name both happen at Spotify. */
export type Person = { id: string; name: string | null | undefined };

export type Entry = {
  /** Null: the track is gone. */
  what: Track | Episode | LocalTrack | null;
  addedAt: string | null;
  /** A person's id; null or empty on old entries. */
  addedBy: string | null;
  playable: boolean;
};

export type Playlist = {
  kind: 'playlist';
  id: string;
  name: string;
  /** HTML-escaped, as Spotify gives it; undefined is left out of the answer. */
  description: string | null | undefined;
  owner: Person;
  /** `own`: a picture the owner chose, whose size Spotify does not tell. `null` and `none` are both "no picture". */
  picture: 'drawn' | 'own' | 'none' | 'null';
  isPublic: boolean | null;
  collaborative: boolean;
  entries: Entry[];
  knowsTotal: boolean;
  /** Goes up with every change. */
  version: number;
};

type Sketch = Partial<Omit<Playlist, 'entries' | 'id'>> & { name: string; key?: string; length?: number };

const mara: Person = { id: 'mara', name: 'Mara Lindqvist' };
const noor: Person = { id: 'noor', name: 'Noor Haddad' };
const tove: Person = { id: 'tovekilde', name: 'Tove Kilde' };
const emeka: Person = { id: 'emeka.bright', name: 'Emeka Brightwater' };
const nameless: Person = { id: '31k7qf0nameless', name: null };
const unnamed: Person = { id: 'x9unnamed', name: undefined };
const nobody: Person = { id: '', name: 'Someone' };

const people = [tove, emeka];

// The first page has to look like somebody's real shelf; the odd ones come after it has been seen.
const marasFirst: Sketch[] = [
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

const marasOdd: Sketch[] = [
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
  { name: 'How many were there?', knowsTotal: false, description: null, length: 17 },
  { name: 'From a stranger', owner: nameless, description: '', length: 29 },
  { name: 'From a quieter stranger', owner: unnamed, description: null, length: 13 },
  { name: 'Found at a bus stop', owner: nobody, isPublic: null, description: null, length: 10 },
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

const noors: Sketch[] = [
  { name: 'Morning walk', description: 'Twenty-eight minutes, door to desk.', length: 9 },
  { name: 'Bread & records', description: 'Proof, knead, repeat.', length: 24 },
  { name: 'From my own shelf', description: 'Files from home.', key: 'local', length: 12 },
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
  'Kept since last winter.',
];

const marasLength = 137;
/** Where Mara's shelf has holes: lists that belong to Spotify come as null. */
const marasHoles = [12, 37, 58, 84, 120];

function playlist(shelf: string, owner: Person, { key, length = 25, ...sketch }: Sketch): Playlist {
  const id = idOf(`playlist ${shelf} ${key ?? sketch.name}`);
  const whole: Playlist = {
    kind: 'playlist',
    id,
    description: null,
    owner,
    picture: 'drawn',
    isPublic: true,
    collaborative: false,
    knowsTotal: true,
    entries: [],
    version: 1,
    ...sketch,
  };
  const chance = chanceOf(id);
  whole.entries =
    length >= 1000
      ? long(chance, length, whole.owner)
      : key === 'local'
        ? fromHome(chance, length, whole.owner)
        : ordinary(chance, length, whole.owner);
  return whole;
}

function entry(what: Entry['what'], owner: Person, when: number): Entry {
  return {
    what,
    addedAt: new Date(when).toISOString().replace(/\.\d+Z/, 'Z'),
    addedBy: owner.id,
    playable: true,
  };
}

/** Different tracks, not two in a row from one record. */
function ordinary(chance: Chance, length: number, owner: Person): Entry[] {
  const left = new Set(tracks);
  let when = Date.UTC(2024, chance.between(0, 11), 3, 18);
  let before: Track | undefined;
  return Array.from({ length }, () => {
    const fresh = [...left].filter(({ album }) => album !== before?.album);
    before = chance.pick(fresh);
    left.delete(before);
    when += chance.between(1, 200) * 3_600_000;
    return entry(before, owner, Math.min(when, Date.UTC(2026, 9, 30)));
  });
}

/** Old, long and full of everything that happens to a list over the years. */
function long(chance: Chance, length: number, owner: Person): Entry[] {
  let when = Date.UTC(2013, 4, 1, 20);
  let what: Entry['what'] = null;
  return Array.from({ length }, (_, index) => {
    const kind = chance.between(1, 100);
    if (kind <= 2) what = null;
    else if (kind <= 4) what = chance.pick(localTracks);
    else if (kind <= 6) what = chance.pick(episodes);
    else if (kind <= 8) what = chance.pick(oddTracks);
    // The rest is a duplicate of the one before.
    else if (kind <= 96) what = chance.pick(tracks);
    when += chance.between(1, 190) * 3_600_000;
    const added = entry(what, owner, when);
    if (index < 60) return { ...added, addedAt: null, addedBy: null };
    if (chance.percent(2)) return { ...added, addedBy: '' };
    return chance.percent(4) ? { ...added, playable: false } : added;
  });
}

function fromHome(chance: Chance, length: number, owner: Person): Entry[] {
  return ordinary(chance, length, owner).map((added, index) => {
    const local = index % 3 === 1 ? localTracks[Math.floor(index / 3) % localTracks.length] : undefined;
    return local ? { ...added, what: local } : added;
  });
}

function marasShelf(): (Playlist | null)[] {
  const chance = chanceOf('the shelf of mara');
  const shelf: (Playlist | null)[] = marasFirst.map((sketch) => playlist('mara', mara, sketch));
  const odd = marasOdd.map((sketch) => playlist('mara', mara, sketch));
  for (let nth = 0; shelf.length < marasLength; nth += 1) {
    const place = shelf.length;
    if (marasHoles.includes(place)) {
      shelf.push(null);
      continue;
    }
    // After the first dozen every fourth is an odd one, until there are none left.
    const next = place > 11 && place % 4 === 2 ? odd.shift() : undefined;
    if (next) shelf.push(next);
    else {
      const spot = (nth * 53) % (moods.length * things.length);
      const followed = chance.percent(22);
      shelf.push(
        playlist('mara', mara, {
          name: `${moods[spot % moods.length]} ${things[Math.floor(spot / moods.length)]}`,
          description: chance.pick(remarks),
          length: chance.between(8, 60),
          ...(followed ? { owner: chance.pick(people) } : { isPublic: chance.percent(70) }),
        }),
      );
    }
  }
  return shelf;
}

/** What each listener starts with under their playlists, in order. */
export const shelves: ReadonlyMap<string, readonly (Playlist | null)[]> = new Map([
  ['mara', marasShelf()],
  ['jonas', []],
  ['noor', noors.map((sketch) => playlist('noor', noor, sketch))],
]);

export const playlists: readonly Playlist[] = [...shelves.values()]
  .flat()
  .filter((playlist) => playlist !== null);
