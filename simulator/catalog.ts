import { createId, createRandom } from './random.ts';

/* Everything here is made up: none of these artists, albums or podcasts exists. */

export type Artist = { kind: 'artist'; id: string; name: string; genres: string[] };
export type Album = {
  kind: 'album';
  id: string;
  name: string;
  albumType: 'album' | 'single' | 'compilation';
  artists: Artist[];
  released: string;
  precision: 'year' | 'month' | 'day';
  tracks: Track[];
};
export type Track = {
  kind: 'track';
  id: string;
  name: string;
  album: Album;
  artists: Artist[];
  number: number;
  durationMs: number;
  explicit: boolean;
};
/** A local file of a listener: without an id at Spotify, and often without much else. */
export type LocalTrack = {
  kind: 'local';
  name: string;
  artist: string;
  album: string;
  durationMs: number;
};
export type Show = { kind: 'show'; id: string; name: string; description: string; episodes: Episode[] };
export type Episode = {
  kind: 'episode';
  id: string;
  name: string;
  description: string;
  show: Show;
  released: string;
  durationMs: number;
};

type Release = {
  title: string;
  released: string;
  type?: Album['albumType'];
  with?: string;
  tracks: string[];
};

const discography: { name: string; genres: string[]; records: Release[] }[] = [
  {
    name: 'Ilse Marrow',
    genres: ['chamber folk'],
    records: [
      {
        title: 'Letters to a Lighthouse',
        released: '2024-09-13',
        tracks: [
          'Low Tide, Early',
          'Letters to a Lighthouse',
          'Salt in the Piano',
          'The Keeper’s Daughter',
          'Nine Miles of Fog',
          'Barometer',
          'Come In from the Pier',
          'Lamp Oil',
          'What the Gulls Knew',
          'Morning, Unannounced',
        ],
      },
      {
        title: 'Winter Coat, Summer Street',
        released: '2021-02-05',
        tracks: [
          'Winter Coat',
          'Chestnut Seller',
          'All the Radiators',
          'Second-Hand Sun',
          'Tram Line Eleven',
          'Your Father’s Umbrella',
          'Summer Street',
          'A Gate Left Open',
        ],
      },
    ],
  },
  {
    name: 'Harbour Static',
    genres: ['dream pop', 'shoegaze'],
    records: [
      {
        title: 'Afterglow Protocol',
        released: '2025-05-23',
        tracks: [
          'Afterglow Protocol',
          'Switchboard Room',
          'Violet Hour Parking',
          'Signal Lost, Signal Found',
          'Every Window Lit',
          'Neon for Beginners',
          'Slow Elevator',
          'Half-Life of a Crush',
          'Ocean, Muted',
          'Goodnight, Transmitter',
        ],
      },
      {
        title: 'Cranes at Midnight',
        released: '2022-10-28',
        tracks: [
          'Cranes at Midnight',
          'Container Blue',
          'Tidewater',
          'The Night Shift Sings',
          'Pale Hydraulics',
          'Rust and Honey',
          'Dry Dock',
          'Last Ferry Feedback',
        ],
      },
    ],
  },
  {
    name: 'The Quiet Ferries',
    genres: ['indie rock'],
    records: [
      {
        title: 'Timetable for the Heart',
        released: '2023-03-17',
        tracks: [
          'Platform Two',
          'Timetable for the Heart',
          'We Used to Be Punctual',
          'Small Change',
          'Island Hopping',
          'Rain Delay',
          'Marguerite at the Rail',
          'Lost Property',
          'Return Ticket',
        ],
      },
      {
        title: 'Rope & Varnish',
        released: '2019',
        tracks: [
          'Rope',
          'Varnish',
          'Deckhands',
          'The Long Way to Market',
          'Weather Eye',
          'Starboard',
          'Knots',
        ],
      },
    ],
  },
  {
    name: 'Odd Meridian',
    genres: ['electronica'],
    records: [
      {
        title: 'Maps for Imaginary Cities',
        released: '2025-11-07',
        tracks: [
          'Ring Road, 4 a.m.',
          'Glass District',
          'The Botanist’s Quarter',
          'Funicular',
          'Canal Zero',
          'Night Market Theme',
          'Aqueduct',
          'Rooftop Accent',
          'Maps for Imaginary Cities',
        ],
      },
      {
        title: 'Pendulum Studies',
        released: '2020-06',
        tracks: [
          'Study in Brass',
          'Study in Sand',
          'Study in Paper',
          'Study in Snow',
          'Study in Static',
          'Coda',
        ],
      },
    ],
  },
  {
    name: 'Mina Oyelle',
    genres: ['neo soul'],
    records: [
      {
        title: 'Honey Ledger',
        released: '2024-06-21',
        tracks: [
          'Honey Ledger',
          'Call It Velvet',
          'Sunday Receipts',
          'Slow Like Sugar',
          'Kitchen Table Gospel',
          'Gold Leaf',
          'Mama’s Frequencies',
          'Not Your Weather',
          'Tender Legal',
          'Balance Due',
        ],
      },
      {
        title: 'Copper & Clementine',
        released: '2026-02-13',
        type: 'single',
        with: 'Brass Weather',
        tracks: ['Copper & Clementine', 'Copper & Clementine (Late Version)'],
      },
    ],
  },
  {
    name: 'Brass Weather',
    genres: ['jazz', 'afro jazz'],
    records: [
      {
        title: 'Barometric',
        released: '2022-04-08',
        tracks: [
          'High Pressure',
          'Cumulus Strut',
          'Four Winds for Odile',
          'The Umbrella Section',
          'Squall Line',
          'Blue Hour over Lagos Road',
          'Low Pressure',
        ],
      },
    ],
  },
  {
    name: 'Slow Kiosk',
    genres: ['lo-fi beats'],
    records: [
      {
        title: 'Open Until Late',
        released: '2025-01-31',
        tracks: [
          'Crossword',
          'Paper Cup',
          'Postcards, Unsent',
          'Vending Machine Lullaby',
          'Corner Shop Moon',
          'Loose Change',
          'Umbrella Stand',
          'Tape Hiss & Tangerines',
          'Closing Time Cat',
          'Shutters Down',
        ],
      },
      {
        title: 'Sunday Papers',
        released: '2023-08-25',
        tracks: ['Page One', 'Marginalia', 'Horoscope', 'Weather in Brief', 'Ink on Toast', 'Puzzle Page'],
      },
    ],
  },
  {
    name: 'Tamsin Vale-Okoro',
    genres: ['art pop'],
    records: [
      {
        title: 'The Understudy',
        released: '2026-03-20',
        tracks: [
          'House Lights',
          'The Understudy',
          'Velvet Rope Logic',
          'Second Violin',
          'Prompter',
          'Costume Jewellery',
          'Interval',
          'Everyone’s Favourite Ghost',
          'Curtain Speech',
        ],
      },
    ],
  },
  {
    name: 'Low Orchard',
    genres: ['slowcore', 'alt-country'],
    records: [
      {
        title: 'Windfall',
        released: '2021-09-24',
        tracks: [
          'Windfall',
          'Bruised Fruit',
          'The Neighbour’s Ladder',
          'October Hands',
          'Cider Press',
          'Frost Warning',
          'Good Dogs of the Valley',
          'Barn Light',
        ],
      },
    ],
  },
  {
    name: 'Fjordlight Ensemble',
    genres: ['modern classical'],
    records: [
      {
        title: 'Eleven Nocturnes for Snow',
        released: '2023-12-01',
        tracks: [
          'Nocturne I (First Flakes)',
          'Nocturne II',
          'Nocturne III (Sledge Bells)',
          'Nocturne IV',
          'Nocturne V (The Frozen Pier)',
          'Nocturne VI',
          'Nocturne VII (Lantern Walk)',
          'Nocturne VIII',
          'Nocturne IX',
          'Nocturne X (Thaw)',
          'Nocturne XI',
        ],
      },
    ],
  },
  {
    name: 'Copper Lagoon',
    genres: ['surf rock', 'psych pop'],
    records: [
      {
        title: 'Postcard Violence',
        released: '2024-07-12',
        tracks: [
          'Postcard Violence',
          'Sunburn Etiquette',
          'Mango Saint',
          'Terrazzo',
          'Do the Undertow',
          'Motel Pool Philosopher',
          'Reverb Summer',
          'Wish You Weren’t',
        ],
      },
    ],
  },
  {
    name: 'Kestrel & Thread',
    genres: ['folk'],
    records: [
      {
        title: 'Hedgerow Telegraph',
        released: '2020-05-01',
        tracks: [
          'Hedgerow Telegraph',
          'The Tinker’s Arithmetic',
          'Wool and Weather',
          'Two Crows Fewer',
          'Milk Road',
          'Bell, Book and Bicycle',
          'Hollow Way',
          'The Mender',
        ],
      },
    ],
  },
  {
    name: 'Night Bus Atlas',
    genres: ['uk garage', 'house'],
    records: [
      {
        title: 'Top Deck, Back Row',
        released: '2025-08-15',
        tracks: [
          'N38',
          'Top Deck, Back Row',
          'Steamed Windows',
          'Request Stop',
          'Kebab Shop Choir',
          'Contactless',
          'Replacement Service',
          'Terminus (Dub)',
        ],
      },
    ],
  },
  {
    name: 'Saltglass Choir',
    genres: ['ambient', 'choral'],
    records: [
      {
        title: 'Tidal Grammar',
        released: '2022-01-14',
        tracks: ['Neap', 'Vowel Drift', 'Spring', 'Comma, Comma, Sea', 'Ebb Clause', 'Slack Water'],
      },
    ],
  },
  {
    name: 'Dusk Pharmacy',
    genres: ['synthpop', 'darkwave'],
    records: [
      {
        title: 'Side Effects May Include Dancing',
        released: '2026-05-08',
        tracks: [
          'Side Effects',
          'Chrome Bouquet',
          'Prescription Blue',
          'Do Not Operate Machinery',
          'Your Silhouette Again',
          'Mirror Ball Emergency',
          'After Hours Clinic',
          'Placebo Kiss',
          'Refill',
        ],
      },
    ],
  },
  {
    name: 'Paper Lantern Society',
    genres: ['indie pop'],
    records: [
      {
        title: 'Small Parades',
        released: '2023-05-19',
        tracks: [
          'Small Parades',
          'Confetti Budget',
          'Tandem',
          'Kite Season',
          'Brass Band Practice',
          'You Brought the Good Biscuits',
          'Lemonade Diplomacy',
          'Fireworks from Far Away',
        ],
      },
    ],
  },
];

const podcasts: { name: string; description: string; episodes: [string, string][] }[] = [
  {
    name: 'The Long Platform',
    description: 'Stories from railway stations where almost nobody gets off.',
    episodes: [
      [
        'The Clock That Kept Two Times',
        'A station on a border, and the man who wound its clock for forty years.',
      ],
      ['Lost Property, Found', 'Nine hundred umbrellas, one wedding dress and a tuba.'],
      ['Night Mail', 'Who sorts the letters while the carriage sways?'],
      ['A Bench for Agnes', 'How a village got its train back, one petition at a time.'],
    ],
  },
  {
    name: 'Small Hours Kitchen',
    description: 'Cooks talk about what they eat when everybody has gone home.',
    episodes: [
      ['Toast, with Conviction', 'Butter first, questions later.'],
      ['The Staff Meal', 'Feeding the people who feed people.'],
      ['Soup at Three', 'A night baker’s only warm meal.'],
    ],
  },
];

export const artists: readonly Artist[] = discography.map(({ name, genres }) => ({
  kind: 'artist',
  id: createId(`artist ${name}`),
  name,
  genres,
}));

function artistNamed(name: string): Artist {
  const found = artists.find((artist) => artist.name === name);
  if (!found) throw new Error(`No artist is named ${name}`);
  return found;
}

function createAlbum(artistName: string, release: Release): Album {
  const album: Album = {
    kind: 'album',
    id: createId(`album ${artistName} ${release.title}`),
    name: release.title,
    albumType: release.type ?? 'album',
    artists: [artistName, ...(release.with ? [release.with] : [])].map(artistNamed),
    released: release.released,
    precision: (['year', 'month', 'day'] as const)[release.released.split('-').length - 1] ?? 'day',
    tracks: [],
  };
  const random = createRandom(album.id);
  album.tracks = release.tracks.map((title, index) => ({
    kind: 'track',
    id: createId(`track ${album.id} ${index}`),
    name: title,
    album,
    artists: album.artists,
    number: index + 1,
    durationMs: random.between(140_000, 340_000),
    explicit: random.percent(7),
  }));
  return album;
}

export const albums: readonly Album[] = discography.flatMap(({ name, records }) =>
  records.map((release) => createAlbum(name, release)),
);

export const tracks: readonly Track[] = albums.flatMap((album) => album.tracks);

/** A live version of each artist's newest album. They occur only in large libraries, not in search results. */
export const liveAlbums: readonly Album[] = discography.flatMap(({ name, records }) =>
  records.slice(0, 1).map(({ title, tracks }) =>
    createAlbum(name, {
      title: `${title} (Live)`,
      released: '2026-08-14',
      tracks: tracks.map((track) => `${track} (Live)`),
    }),
  ),
);

/** Names that occur in reality: very long, right to left, emoji, markup, empty. Only long lists contain them. */
export const edgeCaseTracks: readonly Track[] = [
  [
    'Symphony for Everybody Who Ever Waited for a Night Bus in the Rain, '.repeat(5).slice(0, 300),
    'The Considerably Extended Ensemble of the Lower Valley and Its Many Friends',
  ],
  ['أغنية الطريق', 'فرقة المرفأ'],
  ['שיר הגשר', 'להקת החוף'],
  ['🌧️☕️👩🏽‍🚀', '🎻🎻🎻'],
  ['<b>Bold</b> & "quoted" <script>alert(1)</script>', 'Ampersand & Sons <live>'],
  ['', 'Untitled Choir'],
].map(([title = '', artistName = ''], index) => {
  const artist: Artist = {
    kind: 'artist',
    id: createId(`odd artist ${index}`),
    name: artistName,
    genres: [],
  };
  const album: Album = {
    kind: 'album',
    id: createId(`odd album ${index}`),
    name: title,
    albumType: 'single',
    artists: [artist],
    released: '2025',
    precision: 'year',
    tracks: [],
  };
  const track: Track = {
    kind: 'track',
    id: createId(`odd track ${index}`),
    name: title,
    album,
    artists: [artist],
    number: 1,
    durationMs: 200_000 + index * 1000,
    explicit: index % 2 === 0,
  };
  album.tracks = [track];
  return track;
});

/** All tracks, including live versions and edge cases. */
export const everyTrack: readonly Track[] = [
  ...tracks,
  ...liveAlbums.flatMap((album) => album.tracks),
  ...edgeCaseTracks,
];

export const shows: readonly Show[] = podcasts.map(({ name, description, episodes }) => {
  const show: Show = { kind: 'show', id: createId(`show ${name}`), name, description, episodes: [] };
  const random = createRandom(show.id);
  show.episodes = episodes.map(([title, description], index) => ({
    kind: 'episode',
    id: createId(`episode ${show.id} ${index}`),
    name: title,
    description,
    show,
    released: `2026-0${9 - index}-${random.between(10, 28)}`,
    durationMs: random.between(28 * 60_000, 64 * 60_000),
  }));
  return show;
});

export const episodes: readonly Episode[] = shows.flatMap((show) => show.episodes);

/** An album with more tracks than one response holds. Like everything below, no search finds it. */
export const boxSet: Album = createAlbum('Ilse Marrow', {
  title: 'The Lighthouse Tapes',
  released: '2025-11',
  type: 'compilation',
  tracks: Array.from({ length: 64 }, (_, index) => `Tape ${index + 1}`),
});

/** A podcast with more episodes than one response holds. */
export const dailyShow: Show = createDailyShow(120);

/** Artists without albums, so that a listener can follow more of them than one response holds. */
export const choirs: readonly Artist[] = [
  'Amber',
  'Paper',
  'Northern',
  'Velvet',
  'Hollow',
  'Copper',
  'Winter',
  'Marble',
]
  .flatMap((first) =>
    ['Lantern', 'Orchard', 'Harbour', 'Compass', 'Meadow', 'Sparrow'].map((last) => `${first} ${last} Choir`),
  )
  .map((name) => ({ kind: 'artist', id: createId(`choir ${name}`), name, genres: ['choral'] }));

function createDailyShow(count: number): Show {
  const name = 'Shipping Forecast, Slowly';
  const description = 'The weather at sea, read at half speed, every day.';
  const show: Show = { kind: 'show', id: createId(`show ${name}`), name, description, episodes: [] };
  const newest = Date.UTC(2026, 8, 30);
  show.episodes = Array.from({ length: count }, (_, index) => ({
    kind: 'episode',
    id: createId(`episode ${show.id} ${index}`),
    name: `Forecast ${count - index}`,
    description: 'Rain at times, good. A longer silence than usual before the last sea area.',
    show,
    released: new Date(newest - index * 24 * 60 * 60 * 1000).toISOString().slice(0, 10),
    durationMs: 11 * 60_000 + index * 1000,
  }));
  return show;
}

export const localTracks: readonly LocalTrack[] = [
  {
    kind: 'local',
    name: 'Rehearsal 14 March (rough)',
    artist: 'Cellar Rehearsals',
    album: 'Demos',
    durationMs: 251_000,
  },
  {
    kind: 'local',
    name: 'Grandfather’s accordion',
    artist: '',
    album: '',
    durationMs: 187_000,
  },
  { kind: 'local', name: 'track03', artist: '', album: 'Unknown album', durationMs: 204_000 },
];

/** Returns an item's Spotify URI. A local file has no id, so its URI is made of its names. */
export function uriOf(item: Track | Episode | LocalTrack): string {
  if (item.kind !== 'local') return `spotify:${item.kind}:${item.id}`;
  const { artist, album, name, durationMs } = item;
  const encoded = [artist, album, name].map((part) => encodeURIComponent(part).replaceAll('%20', '+'));
  return `spotify:local:${encoded.join(':')}:${Math.round(durationMs / 1000)}`;
}
