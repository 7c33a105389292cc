import { randomUUID } from 'node:crypto';
import * as v from '@badrap/valita';
import type { Redis } from 'ioredis';
import type { BackgroundTasks } from '../ops/background.ts';
import { emptyMessage, keepSubscribed, liveChannel } from '../redis/channel.ts';
import type { RedisClient } from '../redis/client.ts';
import { type Codec, jsonCodec, timestamp } from '../redis/codec.ts';
import { nullIfUnavailable, type RedisFault, RedisUnavailable, redisCall } from '../redis/errors.ts';
import type { Records } from '../redis/records.ts';
import { observationSchema, observationShape } from './observation.ts';
import type { Update } from './state.ts';

/** A message from one process to all others. */
export type Message =
  | { kind: 'update'; accountId: string; update: Update }
  /** A poll is requested: its answer must be to a request made after `since`. */
  | { kind: 'poll'; accountId: string; since: number }
  /** The listener has pressed a button. */
  | { kind: 'command'; accountId: string; at: number }
  | { kind: 'saved'; accountId: string; uri: string; saved: boolean }
  /** Cached responses whose keys start with one of these are out of date. */
  | { kind: 'invalidate'; accountId: string; names: readonly string[] }
  /** These sign-ins have ended. */
  | { kind: 'end'; sessionIds: readonly string[] };

type Deps = {
  redis: RedisClient;
  /** A connection that Redis uses for pub/sub only. */
  subscriber: Redis;
  records: Records;
  clientId: string;
  background: Pick<BackgroundTasks, 'run'>;
  /** Called with the messages of other processes. */
  onMessage: (message: Message) => void;
  /** Called whenever the subscription starts, or starts again: messages may have been missed before. */
  onJoined: () => void;
  onFault: (error: unknown) => void;
  /** Called if Redis does not permit the channel. */
  onRefused: (fault: RedisFault) => void;
};

const update: v.Type<Update> = v.object({
  observation: observationSchema.nullable(),
  cooldown: v.object({ until: timestamp, quota: v.boolean() }).nullable(),
  spotifyDown: v.boolean(),
  throttledUntil: timestamp.nullable().optional(),
  redisDown: v.boolean(),
});

const common = { from: v.string(), accountId: v.string() };

type Sent = Message & { from: string };

/** Anyone with access to Redis can publish on the channel, so the fields of a message are checked like those of a record. */
const updateCodec = jsonCodec<Sent & { kind: 'update' }>({
  shape: observationShape,
  schema: v.object({ ...common, kind: v.literal('update'), update }),
});
const otherCodec = jsonCodec<Exclude<Sent, { kind: 'update' }>>({
  // As version 0.2.0 sends them. Not that of observations, which changes more often: processes of two versions that run side by side have to
  // understand at least that a sign-in has ended, and what is out of date.
  // safeguard: shape-of-messages
  shape: 4,
  schema: v.union(
    v.object({ ...common, kind: v.literal('poll'), since: timestamp }),
    v.object({ ...common, kind: v.literal('command'), at: timestamp }),
    v.object({ ...common, kind: v.literal('saved'), uri: v.string(), saved: v.boolean() }),
    v.object({ ...common, kind: v.literal('invalidate'), names: v.array(v.string()) }),
    v.object({ from: v.string(), kind: v.literal('end'), sessionIds: v.array(v.string()) }),
  ),
});

const messageCodec: Codec<Sent> = {
  encode: (message, id) =>
    message.kind === 'update' ? updateCodec.encode(message, id) : otherCodec.encode(message, id),
  // Within a text, its quotes would be escaped.
  decode: (text, id) => (text.includes('"kind":"update"') ? updateCodec : otherCodec).decode(text, id),
};

/**
 * Redis pub/sub between the processes of this app. It is lossy: a message may not arrive, so nothing may depend on one. Processes read
 * the stored state again every so often, cached responses have a TTL, and a sweep finds sign-ins that have ended.
 */
export function createBus(deps: Deps) {
  const { redis, subscriber, records, clientId, background, onMessage, onFault } = deps;
  const sender = randomUUID();
  const channel = liveChannel(redis, clientId);

  subscriber.on('message', (_channel, text) => {
    if (text === emptyMessage) return;
    try {
      const message = records.decodeMessage('message', messageCodec, text);
      // Redis delivers a message to its sender as well.
      if (message !== null && message.from !== sender) onMessage(message);
    } catch (error) {
      onFault(error);
    }
  });
  const subscription = keepSubscribed({
    redis,
    subscriber,
    channel,
    onJoined: deps.onJoined,
    onRefused: deps.onRefused,
    background,
  });

  return {
    publish,

    /** Publishes a message, if Redis is up. */
    async send(message: Message): Promise<void> {
      await publish(message).catch(nullIfUnavailable);
    },

    /** Whether messages arrive. */
    isJoined: subscription.isSubscribed,

    close(): void {
      subscription.close();
      subscriber.disconnect();
    },
  };

  /** Throws RedisUnavailable. */
  async function publish(message: Message): Promise<void> {
    const text = messageCodec.encode({ from: sender, ...message }, channel);
    try {
      await redisCall(redis.publish(channel, text));
    } catch (error) {
      // A user without the right to the channel is reported when the process joins it, once.
      // safeguard: tolerate-forbidden-channel
      if (!(error instanceof RedisUnavailable && error.reply === 'NOPERM')) throw error;
    }
  }
}
