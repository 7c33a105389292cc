import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CleanupScope } from './cleanup.ts';
import { testRedisUrl } from './redis.ts';
import { createRespSplitter } from './resp.ts';

/** The moment at which a command is held: before Redis receives it, or after Redis has carried it out and before its reply arrives. */
export type Side = 'before' | 'after';

/** A command that is held until it is released. */
export type HeldCommand = {
  /** Resolves with the command, as text, when it is held. */
  reached: Promise<string>;
  /** Lets the command continue. If it hasn't arrived yet, it won't be held. */
  release(): void;
};

/** Commands that fail: the nth from now on, or that one and all later ones. */
export type ActiveFailure = {
  /** Whether the nth command has arrived. */
  isMet(): boolean;
  end(): void;
};

export type Failure = {
  /** Redis refuses the command, or the connection breaks instead of a reply. */
  how: 'refused' | 'cut';
  /** Counted from 1, from now on, among the commands that match `what` if that is given. */
  nth: number;
  andLater: boolean;
  what?: RegExp;
};

type Hold = {
  pattern: RegExp;
  side: Side;
  remaining: number;
  reach(command: string): void;
  released: Promise<void>;
};

type Connection = { isSilent: boolean; refusal: string | null; isSubscribed: boolean };

/** The state that the connections of one proxy share. */
type ProxyState = {
  target: { port: number; host: string };
  connections: Set<Connection>;
  sockets: Set<Socket>;
  observers: ((command: string) => void)[];
  holds: Hold[];
  /** The next command that matches gets no reply: its connection breaks. */
  dropReplyTo: RegExp | null;
  failure: (Failure & { matched: number }) | null;
};

const isSubscribe = command('subscribe');

export type RedisProxy = Awaited<ReturnType<typeof startRedisProxy>>;

/** Starts a proxy to Redis that can hold single commands, drop replies, and fail as networks and failovers do. */
export async function startRedisProxy(t: CleanupScope, targetUrl?: string) {
  const direct = targetUrl ?? (await testRedisUrl());
  const url = new URL(direct);
  const state: ProxyState = {
    target: { port: Number(url.port || 6379), host: url.hostname },
    connections: new Set(),
    sockets: new Set(),
    observers: [],
    holds: [],
    dropReplyTo: null,
    failure: null,
  };

  // Without noDelay the system would hold back each small reply for 40 ms.
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => proxy(client, state));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(async () => {
    for (const socket of state.sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  url.port = String((server.address() as { port: number }).port);

  /** Holds the nth command from now on that matches, until it is released. */
  function hold(pattern: RegExp, side: Side, nth = 1): HeldCommand {
    const reached = Promise.withResolvers<string>();
    const released = Promise.withResolvers<void>();
    const one: Hold = {
      pattern,
      side,
      remaining: nth,
      reach: reached.resolve,
      released: released.promise,
    };
    state.holds.push(one);
    const release = () => {
      state.holds = state.holds.filter((other) => other !== one);
      released.resolve();
    };
    return { reached: reached.promise, release };
  }

  return {
    url: url.href,
    /** The URL of the same Redis without the proxy. */
    direct,
    hold,
    /** Delays the nth command that matches by this many milliseconds; resolves when it arrives. */
    delay(pattern: RegExp, ms: number, nth = 1): Promise<string> {
      const held = hold(pattern, 'before', nth);
      held.reached.then(() => sleep(ms)).then(held.release);
      return held.reached;
    },
    /** Lets Redis carry out the next command that matches, then breaks the connection instead of sending the reply. */
    dropReplyTo(pattern: RegExp): void {
      state.dropReplyTo = pattern;
    },
    /** Whether the command of {@link dropReplyTo} has come. */
    hasDroppedReply: () => state.dropReplyTo === null,
    /** Makes the nth command from now on fail, on whichever connection it arrives. */
    fail(failure: Failure): ActiveFailure {
      const active = { ...failure, matched: 0 };
      state.failure = active;
      return {
        isMet: () => active.matched >= active.nth,
        end() {
          if (state.failure === active) state.failure = null;
        },
      };
    },
    /** Stops all traffic on the open connections, or on those that subscribe, as when a network drops packets. */
    silence(which: 'all' | 'listening' = 'all'): void {
      for (const connection of state.connections)
        connection.isSilent ||= which === 'all' || connection.isSubscribed;
    },
    /** Refuses every command on the open connections with this error; null ends that. */
    refuse(error: string | null): void {
      for (const connection of state.connections) connection.refusal = error && `-${error}\r\n`;
    },
    /** Leads new connections to another Redis. */
    forwardTo(otherUrl: string): void {
      const { port, hostname: host } = new URL(otherUrl);
      state.target = { port: Number(port), host };
    },
    /** Calls the observer with every command that is sent to Redis. */
    onCommand(observer: (command: string) => void): void {
      state.observers.push(observer);
    },
  };
}

/** Passes one client's commands on to Redis, one at a time, and the replies back. */
function proxy(client: Socket, state: ProxyState): void {
  const redis = connect({ ...state.target, noDelay: true });
  const connection: Connection = { isSilent: false, refusal: null, isSubscribed: false };
  state.connections.add(connection);
  track(client, redis, connection, state);
  const splitCommands = createRespSplitter();
  const splitReplies = createRespSplitter();
  const waiting: ((reply: Buffer) => void)[] = [];

  client.on('end', () => {
    if (!connection.isSilent) client.destroy();
  });
  // As on a real connection, a command that is held also delays those behind it.
  let queue = Promise.resolve();
  client.on('data', (chunk: Buffer) => {
    for (const bytes of splitCommands(chunk)) queue = queue.then(() => forward(bytes));
  });
  redis.on('data', (chunk: Buffer) => {
    for (const reply of splitReplies(chunk)) {
      const isPush = reply[0] === '>'.charCodeAt(0);
      const resolve = isPush ? undefined : waiting.shift();
      if (resolve) resolve(reply);
      else if (!connection.isSilent) client.write(reply);
    }
  });

  async function forward(bytes: Buffer): Promise<void> {
    const text = bytes.toString('latin1');
    await waitForRelease(text, 'before', state);
    // The connection may have broken in the meantime.
    if (client.destroyed || connection.isSilent) return;
    if (connection.refusal !== null) return void client.write(connection.refusal);
    const failure = failureOf(text, state);
    if (failure === 'cut') return void client.destroy();
    if (failure === 'refused') return void client.write('-ERR refused by the test\r\n');
    for (const observe of state.observers) observe(text);
    if (isSubscribe.test(text)) {
      // Its reply is a push message.
      connection.isSubscribed = true;
      return void redis.write(bytes);
    }
    const reply = await new Promise<Buffer>((resolve) => {
      waiting.push(resolve);
      redis.write(bytes);
    });
    if (state.dropReplyTo?.test(text)) {
      state.dropReplyTo = null;
      return void client.destroy();
    }
    await waitForRelease(text, 'after', state);
    client.write(reply);
  }
}

/** Closes both sockets when one of them closes. */
function track(client: Socket, redis: Socket, connection: Connection, state: ProxyState): void {
  for (const socket of [client, redis]) {
    state.sockets.add(socket);
    socket
      .on('error', () => undefined)
      .once('close', () => {
        state.sockets.delete(socket);
        state.connections.delete(connection);
        client.destroy();
        redis.destroy();
      });
  }
}

/** Waits if a hold applies to this command on this side. */
async function waitForRelease(text: string, side: Side, state: ProxyState): Promise<void> {
  const match = state.holds.find((hold) => {
    if (hold.side !== side || !hold.pattern.test(text)) return false;
    hold.remaining -= 1;
    return hold.remaining === 0;
  });
  if (!match) return;
  state.holds = state.holds.filter((one) => one !== match);
  match.reach(text);
  await match.released;
}

/** Returns how this command fails, or null. */
function failureOf(text: string, { failure }: ProxyState): Failure['how'] | null {
  if (!failure || (failure.what && !failure.what.test(text))) return null;
  failure.matched += 1;
  const { how, nth, andLater, matched } = failure;
  return matched === nth || (andLater && matched > nth) ? how : null;
}

/**
 * Returns a pattern for a command with this name and this text in its arguments, such as the name of a key. A script is `eval` even where its
 * hash is sent.
 */
export function command(name: string, argument = ''): RegExp {
  const names = name === 'eval' ? 'eval(?:sha)?' : name;
  return new RegExp(`^\\*\\d+\\r\\n\\$\\d+\\r\\n${names}\\r\\n[^*]*${argument}`, 'i');
}
