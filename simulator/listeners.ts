import { createId } from './random.ts';
import type { Playing } from './types.ts';

export type Listener = {
  id: string;
  accountId: string;
  /** Null for a listener who never chose a name. */
  name: string | null;
  hasPicture: boolean;
  email: string;
  country: string;
  product: 'premium' | 'free';
  /** Shown where a listener is chosen. */
  about: string;
  initiallyPlaying: Playing;
};

/** The three listeners who can sign in. None of them is a real person. */
export const listeners: readonly Listener[] = [
  {
    id: 'mara',
    accountId: createId('account mara', 10),
    name: 'Mara Lindqvist',
    hasPicture: true,
    email: 'mara@listener.example',
    country: 'SE',
    product: 'premium',
    about: 'Listening to music; 137 playlists, including unusual ones',
    initiallyPlaying: { kind: 'music' },
  },
  {
    id: 'jonas',
    accountId: createId('account jonas', 10),
    name: null,
    hasPicture: false,
    email: 'jonas@listener.example',
    country: 'DE',
    product: 'premium',
    about: 'Nothing playing, no playlists, no name, no picture',
    initiallyPlaying: { kind: 'nothing' },
  },
  {
    id: 'noor',
    accountId: createId('account noor', 10),
    name: 'Noor Haddad',
    hasPicture: true,
    email: 'noor@listener.example',
    country: 'GB',
    product: 'free',
    about: 'A podcast playing, 12 playlists, a Free account',
    initiallyPlaying: { kind: 'episode' },
  },
];

/** Returns the listeners of one simulator, whose accounts can change between Premium and Free, by id. */
export function createListeners(extra: number): ReadonlyMap<string, Listener> {
  const guests = Array.from({ length: extra }, (_, index) => createGuest(index + 1));
  return new Map([...listeners, ...guests].map((listener) => [listener.id, { ...listener }]));
}

/** Returns one of many listeners for load tests, without playlists or saved tracks. */
function createGuest(number: number): Listener {
  const id = `guest${number}`;
  return {
    id,
    accountId: createId(`account ${id}`, 10),
    name: `Guest${number}`,
    hasPicture: false,
    email: `${id}@listener.example`,
    country: 'SE',
    product: 'premium',
    about: 'One of many',
    initiallyPlaying: { kind: 'music' },
  };
}
