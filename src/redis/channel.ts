import type { Redis } from 'ioredis';
import type { Background } from './connect.ts';
import { type RedisFault, redisFault, replyCode } from './errors.ts';
import { keys } from './keys.ts';

/** What is published to see whether that is permitted. It means nothing to anybody. */
export const noMessage = '';

const retryMs = 5_000;

/** What a process does without its channel, and how to permit it, for the log and the checks. */
export const withoutChannel =
  'other processes then show changes up to 10 seconds late, and a sign-out everywhere takes up to 5 seconds to end what is open there';
export const permitChannel = (channel: string): string =>
  `To permit it: ACL SETUSER with your user, &${channel}`;

/** The channel on which the processes of an app tell each other what changes. */
export function liveChannel(redis: Redis, clientId: string): string {
  const { keyPrefix = '' } = redis.options;
  return keyPrefix + keys.channel(clientId);
}

/** Subscribes to a channel and publishes on it. Throws what Redis throws: since version 7 a user may use no channel by default. */
export async function joinChannel(redis: Redis, subscriber: Redis, channel: string): Promise<void> {
  await subscriber.subscribe(channel);
  await redis.publish(channel, noMessage);
}

type Deps = {
  redis: Redis;
  subscriber: Redis;
  channel: string;
  /** Called whenever messages come again: there may have been some while none came. */
  onJoined: () => void;
  /** Called once if Redis refuses. */
  onRefused: (fault: RedisFault) => void;
  background: Background;
};

/** Subscribes to a channel whenever there is a connection, and tries again every few seconds while Redis refuses. */
export function keepJoined({ redis, subscriber, channel, onJoined, onRefused, background }: Deps) {
  let hears = false;
  let refused = false;

  async function join(): Promise<void> {
    try {
      await joinChannel(redis, subscriber, channel);
      hears = true;
      refused = false;
      onJoined();
    } catch (error) {
      // If Redis does not answer, the connection is lost, and joins when it is back.
      if (replyCode(error) === undefined || refused) return;
      refused = true;
      // safeguard: report-forbidden-channels
      onRefused(redisFault(error));
    }
  }
  const joinNow = () => background.run('join the channel', join());
  subscriber.on('ready', joinNow);
  subscriber.on('close', () => {
    hears = false;
  });
  const retrying = setInterval(() => {
    // safeguard: retry-channel
    if (!hears && subscriber.status === 'ready') joinNow();
  }, retryMs).unref();

  return {
    /** Whether messages come. */
    hears: () => hears,
    close: () => clearInterval(retrying),
  };
}
