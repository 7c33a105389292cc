import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ends } from './ends.ts';
import { redisPlace } from './redis.ts';
import { createCutter } from './resp.ts';

/** Where a command is stopped: before Redis has seen it, or when Redis has carried it out and its answer is on the way. */
export type Side = 'before' | 'after';

/** A command that is held up until it is let go. */
export type Held = {
  /** Resolves with the command, as text, once it has come so far. */
  reached: Promise<string>;
  /** Lets it go on; one that has not come yet will not be held. */
  release(): void;
};

/** One connection: what becomes of the commands on it. */
type Line = { isSilent: boolean; reply: string | null; listens: boolean };

type Hold = { what: RegExp; side: Side; left: number; reach(command: string): void; over: Promise<void> };

/** Commands that go wrong: the nth from now on, or all from the nth on. */
export type Failing = {
  /** Whether the nth has come. */
  isMet(): boolean;
  /** Lets all go well again. */
  end(): void;
};

export type Failure = {
  /** Redis refuses the command, or the connection breaks in place of its answer. */
  how: 'refused' | 'cut';
  /** Which of the commands from now on, counted from 1; of those that match `what`, if given. */
  nth: number;
  andAllAfter: boolean;
  what?: RegExp;
};

const subscribes = command('subscribe');

export type SlowRedis = Awaited<ReturnType<typeof slowRedis>>;

/** A way to Redis on which single commands can be held up, or have their answer lost, and which can fail as networks and failovers do. */
export async function slowRedis(t: Ends, to?: string) {
  const direct = to ?? (await redisPlace());
  const place = new URL(direct);
  let target = { port: Number(place.port || 6379), host: place.hostname };
  const lines = new Set<Line>();
  const sockets = new Set<Socket>();
  const watchers: ((command: string) => void)[] = [];
  let holds: Hold[] = [];
  let lose: RegExp | null = null;
  let failing: (Failure & { seen: number }) | null = null;

  /** How this command is to go wrong, if it is. */
  function failureOf(command: string): Failure['how'] | null {
    if (!failing || (failing.what && !failing.what.test(command))) return null;
    failing.seen += 1;
    const { how, nth, andAllAfter, seen } = failing;
    return seen === nth || (andAllAfter && seen > nth) ? how : null;
  }

  /** Waits where this command is to be held up on this side. */
  async function pass(command: string, side: Side): Promise<void> {
    const met = holds.find((hold) => {
      if (hold.side !== side || !hold.what.test(command)) return false;
      hold.left -= 1;
      return hold.left === 0;
    });
    if (!met) return;
    holds = holds.filter((one) => one !== met);
    met.reach(command);
    await met.over;
  }

  // Without this, the system holds back each small answer for 40 ms to send it with the next one.
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
    const redis = connect({ ...target, noDelay: true });
    const current: Line = { isSilent: false, reply: null, listens: false };
    lines.add(current);
    const commands = createCutter();
    const answers = createCutter();
    const waiting: ((answer: Buffer) => void)[] = [];
    for (const socket of [client, redis]) {
      sockets.add(socket);
      socket
        .on('error', () => undefined)
        .once('close', () => {
          sockets.delete(socket);
          lines.delete(current);
          client.destroy();
          redis.destroy();
        });
    }
    client.on('end', () => {
      if (!current.isSilent) client.destroy();
    });
    // One after the other, as over a real line: what is held up holds up what comes behind it.
    let line = Promise.resolve();
    client.on('data', (chunk: Buffer) => {
      for (const command of commands(chunk)) line = line.then(() => carry(command));
    });
    redis.on('data', (chunk: Buffer) => {
      for (const answer of answers(chunk)) {
        const waits = answer[0] === '>'.charCodeAt(0) ? undefined : waiting.shift();
        // What nobody asked for is news that Redis tells by itself.
        if (waits) waits(answer);
        else if (!current.isSilent) client.write(answer);
      }
    });

    async function carry(command: Buffer): Promise<void> {
      const said = command.toString('latin1');
      await pass(said, 'before');
      // A line that was cut meanwhile carries nothing any more.
      if (client.destroyed || current.isSilent) return;
      if (current.reply !== null) return void client.write(current.reply);
      const failure = failureOf(said);
      if (failure === 'cut') return void client.destroy();
      if (failure === 'refused') return void client.write('-ERR refused by the test\r\n');
      for (const watch of watchers) watch(said);
      if (subscribes.test(said)) {
        // Its reply comes as a message does.
        current.listens = true;
        return void redis.write(command);
      }
      const answer = await new Promise<Buffer>((resolve) => {
        waiting.push(resolve);
        redis.write(command);
      });
      if (lose?.test(said)) {
        lose = null;
        client.destroy();
        return;
      }
      await pass(said, 'after');
      client.write(answer);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  /** Holds the nth command from now on that matches, until it is let go. */
  function hold(what: RegExp, side: Side, nth = 1): Held {
    const reached = Promise.withResolvers<string>();
    const over = Promise.withResolvers<void>();
    const one = { what, side, left: nth, reach: reached.resolve, over: over.promise };
    holds.push(one);
    const release = () => {
      holds = holds.filter((other) => other !== one);
      over.resolve();
    };
    return { reached: reached.promise, release };
  }

  place.port = String((server.address() as { port: number }).port);
  return {
    url: place.href,
    /** The same place without the detour. */
    direct,
    hold,
    /** Holds up the next command that matches, or the nth that does, by so many milliseconds; resolves when it comes. */
    holdUp(what: RegExp, ms: number, nth = 1): Promise<string> {
      const held = hold(what, 'before', nth);
      held.reached.then(() => sleep(ms)).then(held.release);
      return held.reached;
    },
    /** Lets the next command that matches through, and cuts the connection in place of its answer. */
    loseAnswerTo(what: RegExp): void {
      lose = what;
    },
    /** Has the nth command from now on go wrong, by whatever connection it comes. */
    fail(failure: Failure): Failing {
      const one = { ...failure, seen: 0 };
      failing = one;
      return {
        isMet: () => one.seen >= one.nth,
        end() {
          if (failing === one) failing = null;
        },
      };
    },
    /**
     * From now on the connections that stand, or those of them that listen to a channel, carry nothing in either direction, as
     * when a network drops packets.
     */
    silence(which: 'all' | 'listening' = 'all'): void {
      for (const line of lines) line.isSilent ||= which === 'all' || line.listens;
    },
    /** From now on every command on the connections that stand is refused with this reply; null takes it back. */
    refuse(error: string | null): void {
      for (const line of lines) line.reply = error && `-${error}\r\n`;
    },
    /** Leads new connections to another Redis. */
    leadTo(url: string): void {
      const { port, hostname: host } = new URL(url);
      target = { port: Number(port), host };
    },
    /** Tells of every command at the moment it goes on to Redis. */
    watch(watcher: (command: string) => void): void {
      watchers.push(watcher);
    },
  };
}

/** Matches a command by its name and by something in its arguments, such as the name of a key. */
export function command(name: string, about = ''): RegExp {
  return new RegExp(`^\\*\\d+\\r\\n\\$\\d+\\r\\n${name}\\r\\n[^*]*${about}`, 'i');
}
