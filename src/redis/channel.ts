import type { Redis } from 'ioredis';
import type { RedisClient } from './client.ts';
import type { Background } from './connect.ts';
import { type RedisFault, redisFault, replyCode } from './errors.ts';
import { keys } from './keys.ts';

/** Published to find out whether publishing is permitted. Subscribers ignore it. */
export const emptyMessage = '';

const retryMs = 5_000;

/** The consequence of a missing channel, for the checks. */
export const missingChannelEffect =
  'other processes show changes up to 10 seconds late, and signing out everywhere takes up to 5 seconds to close their streams';
/** Returns how to permit the channel, for the checks. */
export const missingChannelFix = (channel: string): string =>
  `To permit it, run ACL SETUSER with your user and &${channel}`;

/** Returns both as sentences, for the log. */
export const missingChannel = (channel: string): string =>
  `Redis does not permit this user to use the channel for live updates: ${missingChannelEffect}. ${missingChannelFix(channel)}`;

/** Returns the channel on which the processes of an app send each other messages. */
export function liveChannel(redis: RedisClient, clientId: string): string {
  const { keyPrefix = '' } = redis.options;
  return keyPrefix + keys.channel(clientId);
}

/** Subscribes to a channel and publishes on it. Throws ioredis's errors: since Redis 7, users have no channel permissions by default. */
export async function subscribeAndPublish(
  redis: RedisClient,
  subscriber: Redis,
  channel: string,
): Promise<void> {
  await subscriber.subscribe(channel);
  await redis.publish(channel, emptyMessage);
}

type Deps = {
  redis: RedisClient;
  subscriber: Redis;
  channel: string;
  /** Called whenever the subscription starts. Messages may have been missed before. */
  onJoined: () => void;
  /** Called once if Redis refuses the channel. */
  onRefused: (fault: RedisFault) => void;
  background: Background;
};

/** Subscribes to a channel on every new connection, and retries every few seconds while Redis refuses. `close` only ends the retries. */
export function keepSubscribed({ redis, subscriber, channel, onJoined, onRefused, background }: Deps) {
  let isSubscribed = false;
  let isRefused = false;

  async function join(): Promise<void> {
    try {
      await subscribeAndPublish(redis, subscriber, channel);
      isSubscribed = true;
      isRefused = false;
      onJoined();
    } catch (error) {
      // Without a reply the connection is lost, and the next one subscribes again.
      if (replyCode(error) === undefined || isRefused) return;
      isRefused = true;
      // safeguard: report-forbidden-channels
      onRefused(redisFault(error));
    }
  }
  const joinNow = () => background.run('join the channel', join());
  subscriber.on('ready', joinNow);
  subscriber.on('close', () => {
    isSubscribed = false;
  });
  const retryTimer = setInterval(() => {
    // safeguard: retry-channel
    if (!isSubscribed && subscriber.status === 'ready') joinNow();
  }, retryMs).unref();

  return {
    /** Returns whether messages arrive. */
    isSubscribed: () => isSubscribed,
    close: () => clearInterval(retryTimer),
  };
}
