import type { Listener } from './listeners.ts';
import { chanceOf } from './random.ts';

/** Something that plays. */
export type Device = {
  /** Null for one that keeps its id to itself; no command can name it then. */
  id: string | null;
  name: string;
  type: 'Speaker' | 'Smartphone' | 'Computer' | 'TV';
  volume: number | null;
  /** Takes no commands (Spotify: `DeviceObject`, `is_restricted`). */
  isRestricted: boolean;
};

/** What a listener can play on; the first is the one they use. */
export function devicesOf({ id, name }: Listener): readonly [Device, ...Device[]] {
  const whose = name ? `${name.split(' ')[0]}’s ` : '';
  const idOn = (place: string) =>
    `${chanceOf(id + place)
      .between(1e8, 9e8)
      .toString(16)}0c2f9d7e`;
  const speaker: Device = {
    id: idOn(''),
    name: 'Kitchen speaker',
    type: 'Speaker',
    volume: 62,
    isRestricted: false,
  };
  const telephone: Device = {
    // Of the three, one has a telephone that keeps its id to itself.
    id: id === 'noor' ? null : idOn('telephone'),
    name: `${whose}phone`,
    type: 'Smartphone',
    volume: null,
    isRestricted: false,
  };
  const others: Device[] = [
    { id: idOn('desk'), name: `${whose}laptop`, type: 'Computer', volume: 48, isRestricted: false },
    { id: idOn('wall'), name: 'Living-room TV', type: 'TV', volume: 30, isRestricted: true },
  ];
  return id === 'noor' ? [telephone, speaker, ...others] : [speaker, telephone, ...others];
}
