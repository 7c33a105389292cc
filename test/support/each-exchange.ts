import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Rotation } from '../../simulator/simulator.ts';
import { createFleet, type Fleet, type FleetOptions, type Outcome, type Server } from './fleet.ts';
import type { Held, Side } from './slow-redis.ts';
import type { Browser } from './turntable.ts';

/** Two servers, and somebody who visits them. */
export type Scene = {
  fleet: Fleet;
  /** The one that ends, and the one that goes on. */
  victim: Server;
  survivor: Server;
  mara: Browser;
};

/** The exchange with Redis at which the victim ended. */
export type Cut = { side: Side; said: string };

export type Flow = {
  rotation: Rotation;
  timing: FleetOptions['timing'];
  /** What has been before. Given to the others is what it gives. */
  before(scene: Scene): Promise<string>;
  /** What the victim is ended in the middle of. */
  act(scene: Scene, path: string): Promise<Outcome>;
  /** Ends the victim while its exchange is held; resolves when it is gone. */
  end(victim: Server, held: Held): Promise<void>;
  /** What must be so then; `outcome` is null if the request was cut off. */
  check(scene: Scene, cut: Cut, path: string, outcome: Outcome | null): Promise<void>;
};

// The connection that only listens is pinged by itself.
const anything = /^(?!\*1\r\n\$4\r\nping)/i;

/** Ends a process at each exchange of a flow with Redis, on both sides of it; gives the exchanges, in their order. */
export async function endAtEach(t: TestContext, flow: Flow): Promise<string[]> {
  const lanes = 3;
  const steps = new Map<number, string>();
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      const fleet = await createFleet(t, { rotation: flow.rotation, timing: flow.timing ?? {} });
      let [victim, survivor] = await Promise.all([fleet.start({ heldUp: true }), fleet.start()]);

      for (const side of ['before', 'after'] as const) {
        for (let nth = lane + 1; ; nth += lanes) {
          const scene = { fleet, victim, survivor, mara: survivor.browser() };
          const path = await flow.before(scene);
          const held = victim.redis.hold(anything, side, nth);
          const acted = flow.act(scene, path).catch(() => null);
          const said = await Promise.race([held.reached, acted.then(() => null)]);
          if (said === null) {
            held.release();
            await fleet.clear();
            break;
          }
          const [, next] = await Promise.all([flow.end(victim, held), fleet.start({ heldUp: true })]);
          const outcome = await acted;
          victim = next;

          const name = inShort(said);
          steps.set(nth, name);
          try {
            assert.deepEqual(await fleet.everlasting(), [], 'every key has an end');
            await fleet.endLeases();
            await flow.check(scene, { side, said }, path, outcome);
            assert.deepEqual(await fleet.everlasting(), [], 'every key has an end');
          } catch (error) {
            throw new Error(`ended ${side} exchange ${nth}, ${name}`, { cause: error });
          }
          await fleet.clear();
        }
      }
    }),
  );
  const seen = [...steps].sort(([a], [b]) => a - b).map(([, name]) => name);
  t.diagnostic(`${seen.length} exchanges: ${seen.join(', ')}`);
  return seen;
}

/** The name of a command and the kind of its key. */
export function inShort(said: string): string {
  const [, name = ''] = /^\*\d+\r\n\$\d+\r\n(\w+)/.exec(said) ?? [];
  const [, kind = ''] = /(session|lock|grant|browsers|cooldown|used-state):/.exec(said) ?? [];
  return `${name.toLowerCase()} ${kind}`.trim();
}
