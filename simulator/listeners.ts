import type { Playing } from './control.ts';
import { idOf } from './random.ts';

export type Listener = {
  id: string;
  accountId: string;
  /** Null for somebody who never chose a name. */
  name: string | null;
  hasPicture: boolean;
  email: string;
  country: string;
  product: 'premium' | 'free';
  /** What to expect of them, for the person who picks one. */
  about: string;
  startsWith: Playing;
};

/** The three who can sign in. None of them exists. */
export const listeners: readonly Listener[] = [
  {
    id: 'mara',
    accountId: idOf('account mara', 10),
    name: 'Mara Lindqvist',
    hasPicture: true,
    email: 'mara@listener.example',
    country: 'SE',
    product: 'premium',
    about: 'Music that moves on by itself, and 137 playlists, some of them odd',
    startsWith: { kind: 'music' },
  },
  {
    id: 'jonas',
    accountId: idOf('account jonas', 10),
    name: null,
    hasPicture: false,
    email: 'jonas@listener.example',
    country: 'DE',
    product: 'premium',
    about: 'Nothing playing, no playlists, no name and no picture',
    startsWith: { kind: 'nothing' },
  },
  {
    id: 'noor',
    accountId: idOf('account noor', 10),
    name: 'Noor Haddad',
    hasPicture: true,
    email: 'noor@listener.example',
    country: 'GB',
    product: 'free',
    about: 'A podcast is playing; a dozen playlists, and a free account',
    startsWith: { kind: 'episode' },
  },
];

/** Everybody as one simulator knows them; there they may go from Free to Premium and back. */
export function createListeners(extra: number): ReadonlyMap<string, Listener> {
  const guests = Array.from({ length: extra }, (_, index) => guest(index + 1));
  return new Map([...listeners, ...guests].map((listener) => [listener.id, { ...listener }]));
}

/** One of a crowd, with nothing of their own yet. */
function guest(number: number): Listener {
  const id = `guest${number}`;
  return {
    id,
    accountId: idOf(`account ${id}`, 10),
    name: `Guest${number}`,
    hasPicture: false,
    email: `${id}@listener.example`,
    country: 'SE',
    product: 'premium',
    about: 'One of many',
    startsWith: { kind: 'music' },
  };
}
