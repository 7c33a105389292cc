import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Rotation } from '../../simulator/simulator.ts';
import { createFleet, type Fleet, type FleetOptions, type Outcome, type Server } from './fleet.ts';
import type { HeldCommand, Side } from './redis-proxy.ts';
import { isSideInSweep } from './sweep.ts';
import type { Browser } from './turntable.ts';

/** Two servers and a signed-in listener. */
export type Scenario = {
  fleet: Fleet;
  /** The process that is ended. */
  victim: Server;
  survivor: Server;
  mara: Browser;
};

/** The Redis command at which the victim was ended, and on which side of it. */
export type Interruption = { side: Side; command: string };

export type Flow = {
  rotation: Rotation;
  timing: FleetOptions['timing'];
  beginMs?: FleetOptions['beginMs'];
  /** Prepares the scenario. Returns a path for the other functions. */
  before(scenario: Scenario): Promise<string>;
  /** The action during which the victim is ended. */
  act(scenario: Scenario, path: string): Promise<Outcome>;
  /** Ends the victim while its command is held. Resolves when the process has exited. */
  end(victim: Server, held: HeldCommand): Promise<void>;
  /** Checks the state afterward. `outcome` is null if the request was cut off. */
  check(scenario: Scenario, interruption: Interruption, path: string, outcome: Outcome | null): Promise<void>;
};

// The connection that subscribes sends pings at any time.
const anyCommandButPing = /^(?!\*1\r\n\$4\r\nping)/i;

/** For the search for exports to continue: its commands come at any time, and would be counted among those of the flow. */
const never = 2 ** 31 - 1;

/** Repeats a flow and ends a process at each of its Redis commands, before and after it. Returns the commands in order. */
export async function endAtEachCommand(t: TestContext, flow: Flow): Promise<string[]> {
  const lanes = 3;
  const steps = new Map<number, string>();
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      const fleet = await createFleet(t, {
        rotation: flow.rotation,
        timing: { ...flow.timing, exportTickMs: never },
        beginMs: flow.beginMs,
      });
      let [victim, survivor] = await Promise.all([fleet.start({ viaRedisProxy: true }), fleet.start()]);

      for (const side of ['before', 'after'] as const) {
        for (let nth = lane + 1; ; nth += lanes) {
          if (!isSideInSweep(side, nth)) continue;
          const scenario = { fleet, victim, survivor, mara: survivor.browser() };
          const path = await flow.before(scenario);
          const held = victim.redis.hold(anyCommandButPing, side, nth);
          const acted = flow.act(scenario, path).catch(() => null);
          const command = await Promise.race([held.reached, acted.then(() => null)]);
          if (command === null) {
            held.release();
            await fleet.clear();
            break;
          }
          const [, next] = await Promise.all([flow.end(victim, held), fleet.start({ viaRedisProxy: true })]);
          const outcome = await acted;
          victim = next;

          const name = summarize(command);
          steps.set(nth, name);
          try {
            assert.deepEqual(await fleet.keysWithoutTtl(), [], 'every key has a TTL');
            await fleet.releaseLocks();
            await flow.check(scenario, { side, command }, path, outcome);
            assert.deepEqual(await fleet.keysWithoutTtl(), [], 'every key has a TTL');
          } catch (error) {
            throw new Error(`ended ${side} command ${nth}, ${name}`, { cause: error });
          }
          await fleet.clear();
        }
      }
    }),
  );
  const names = [...steps].sort(([a], [b]) => a - b).map(([, name]) => name);
  t.diagnostic(`${names.length} commands: ${names.join(', ')}`);
  return names;
}

/** Returns the name of a command and the kind of its key, as in "get session". A script is "eval", whether its text or its hash is sent. */
export function summarize(command: string): string {
  const [, name = ''] = /^\*\d+\r\n\$\d+\r\n(\w+)/.exec(command) ?? [];
  const [, kind = ''] =
    /(now-playing):/.exec(command) ??
    /(session|lock|grant|browsers|cooldown-accounts|ledger|used-state):/.exec(command) ??
    [];
  return `${name.toLowerCase().replace('evalsha', 'eval')} ${kind}`.trim();
}
