import { connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { redisPlace } from './redis.ts';

/** A way to Redis on which single commands can be held up, or have their answer lost. */
export async function slowRedis(t: TestContext) {
  const direct = await redisPlace();
  const place = new URL(direct);
  const [port, hostname] = [Number(place.port || 6379), place.hostname];
  const sockets = new Set<Socket>();
  let hold: { what: RegExp; ms: number; nth: number } | null = null;
  let lose: RegExp | null = null;

  const server = createServer((client) => {
    const redis = connect(port, hostname);
    let deaf = false;
    let sent = Promise.resolve();
    for (const socket of [client, redis]) {
      sockets.add(socket);
      socket
        .on('error', () => undefined)
        .once('close', () => {
          sockets.delete(socket);
          client.destroy();
          redis.destroy();
        });
    }
    // One after the other, as over a real line: what is held up holds up what comes behind it.
    client.on('data', (command) => {
      const said = command.toString('latin1');
      if (hold?.what.test(said)) hold.nth -= 1;
      const held = hold?.nth === 0 ? hold : null;
      if (held) hold = null;
      if (lose?.test(said)) {
        lose = null;
        deaf = true;
      }
      sent = sent.then(async () => {
        if (held) await sleep(held.ms);
        redis.write(command);
      });
    });
    redis.on('data', (answer) => {
      if (deaf) client.destroy();
      else client.write(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  place.port = String((server.address() as { port: number }).port);
  return {
    url: place.href,
    /** The same place without the detour. */
    direct,
    /** Holds up the next command that matches, or the nth that does, by so many milliseconds. */
    holdUp(what: RegExp, ms: number, nth = 1): void {
      hold = { what, ms, nth };
    },
    /** Lets the next command that matches through, and cuts the connection in place of its answer. */
    loseAnswerTo(what: RegExp): void {
      lose = what;
    },
  };
}
