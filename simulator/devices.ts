import type { Listener } from './listeners.ts';
import { createRandom } from './random.ts';

export type Device = {
  /** Null for a device that doesn't reveal its id; commands can't name it. */
  id: string | null;
  name: string;
  type: 'Speaker' | 'Smartphone' | 'Computer' | 'TV';
  volume: number | null;
  /** Accepts no commands (Spotify: `DeviceObject`, `is_restricted`). */
  isRestricted: boolean;
};

/** Returns the devices of a listener; the first one is in use at the start. */
export function devicesOf({ id, name }: Listener): readonly [Device, ...Device[]] {
  const owner = name ? `${name.split(' ')[0]}’s ` : '';
  const deviceId = (seed: string) =>
    `${createRandom(id + seed)
      .between(1e8, 9e8)
      .toString(16)}0c2f9d7e`;
  const speaker: Device = {
    id: deviceId(''),
    name: 'Kitchen speaker',
    type: 'Speaker',
    volume: 62,
    isRestricted: false,
  };
  const phone: Device = {
    id: id === 'noor' ? null : deviceId('telephone'),
    name: `${owner}phone`,
    type: 'Smartphone',
    volume: null,
    isRestricted: false,
  };
  const others: Device[] = [
    { id: deviceId('desk'), name: `${owner}laptop`, type: 'Computer', volume: 48, isRestricted: false },
    { id: deviceId('wall'), name: 'Living-room TV', type: 'TV', volume: 30, isRestricted: true },
  ];
  return id === 'noor' ? [phone, speaker, ...others] : [speaker, phone, ...others];
}
