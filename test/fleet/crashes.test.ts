import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { endAtEachCommand, type Flow, type Scenario, summarize } from '../support/each-command.ts';
import {
  cookiesSetBy,
  createFleet,
  type Fleet,
  type Outcome,
  type Server,
  until,
  visitOnceRedisAnswers,
} from '../support/fleet.ts';
import { skipWithoutProgram as skip, startOwnRedis } from '../support/redis.ts';
import { command, type HeldCommand } from '../support/redis-proxy.ts';
import { testTiming as timing } from '../support/timing.ts';
import { countTokenRequests } from '../support/turntable.ts';

/*
 * A process is killed at every step of signing in, refreshing and signing out. Each exchange with Redis is held once before Redis receives
 * it, and once after Redis has carried it out but before the reply arrives. Then another process takes over.
 */
const save = command('eval', '(?<!lock:)grant:');

/** Kills a process at each exchange of a flow. */
function killAtEach(t: TestContext, flow: Omit<Flow, 'timing' | 'end'>): Promise<string[]> {
  return endAtEachCommand(t, { ...flow, timing, end: (victim) => victim.kill() });
}

async function page({ survivor, mara }: Scenario): Promise<Outcome> {
  return visitOnceRedisAnswers(survivor, mara);
}

/** A person can still sign in, see pages, and see where they are signed in. */
async function canSignIn({ survivor }: Scenario): Promise<void> {
  const nextBrowser = survivor.browser();
  await nextBrowser.signIn();
  for (const path of ['/now-playing', '/account'])
    assert.equal((await visitOnceRedisAnswers(survivor, nextBrowser, path)).status, 200, path);
  assert.equal((await survivor.visit(nextBrowser, '/account/sign-out-everywhere', 'POST')).status, 303);
  assert.equal((await visitOnceRedisAnswers(survivor, nextBrowser)).status, 303);
}

/** Loads the callback again, after a sign-in has had time to finish. Returns the problem on the page, or null if there is none. */
async function loadAgain({ fleet, survivor, mara }: Scenario, way: string): Promise<string | null> {
  await fleet.advance({ seconds: 15 });
  const again = await survivor.visit(mara, way);
  assert.equal(again.status, 303);
  if (again.headers.location !== '/sign-in/problem') return null;
  const told = { cookieHeader: () => cookiesSetBy(again) };
  return (await survivor.visit(told, '/sign-in/problem')).text;
}

/** A page that says exactly what happened. */
function saysThatItIsOver(answer: Outcome): void {
  assert.equal(answer.status, 401);
  assert.match(answer.text, /Your Spotify sign-in has expired/);
}

// fault: killed-during-sign-in
test('after a kill at any step of a sign-in no one is half signed in, and the next sign-in works', async (t) => {
  const steps = await killAtEach(t, {
    rotation: 'strict',
    before: ({ mara }) => mara.agree(),
    act: ({ victim, mara }, way) => victim.visit(mara, way),
    async check(scene, _death, way) {
      assert.equal((await page(scene)).status, 303, 'no one is signed in who was given no session');
      // Loading the callback again either signs the person in or says that the link has been used.
      const again = await loadAgain(scene, way);
      if (again) assert.match(again, /This sign-in was already used|no longer accepts this sign-in/);
      await canSignIn(scene);
    },
  });
  assert.ok(steps.length >= 8, `${steps}`);
  for (const step of ['set used-state', 'set session', 'set grant']) assert.ok(steps.includes(step), step);
});

// fault: killed-during-renewed-consent
test('after a kill at any step of signing in again, the old sign-in works until the new one does', async (t) => {
  const steps = await killAtEach(t, {
    rotation: 'strict',
    async before({ mara }) {
      await mara.signIn();
      return mara.agree();
    },
    act: ({ victim, mara }, way) => victim.visit(mara, way),
    async check(scene, { side, command }) {
      const { fleet, survivor, mara } = scene;
      const ended = await visitOnceRedisAnswers(survivor, mara);
      const grants = (await fleet.keys()).filter((key) => key.startsWith('grant:')).length;
      if (ended.status === 200) assert.ok(grants === 1 || grants === 2);
      else {
        assert.equal(ended.status, 303);
        assert.equal(grants, 1, `the new one stands (${side} ${summarize(command)})`);
      }
      await canSignIn(scene);
    },
  });
  assert.ok(steps.length >= 12, `${steps}`);
});

for (const rotation of ['none', 'strict'] as const) {
  // fault: killed-during-refresh
  test(`after a kill at any step of a refresh the page loads again${
    rotation === 'strict' ? ', unless the new token died with the process' : ''
  } (rotation: ${rotation})`, async (t) => {
    const steps = await killAtEach(t, {
      rotation,
      async before({ fleet, mara }) {
        await mara.signIn();
        await fleet.advance({ hours: 2 });
        return '/now-playing';
      },
      act: ({ victim, mara }, path) => victim.visit(mara, path),
      async check(scene, { side, command }) {
        const tokenDied = rotation === 'strict' && side === 'before' && save.test(command);
        const answer = await page(scene);
        if (tokenDied) saysThatItIsOver(answer);
        else assert.equal(answer.status, 200);
        assert.equal((await page(scene)).status, tokenDied ? 303 : 200);
        await canSignIn(scene);
      },
    });
    assert.ok(steps.length >= 8, `${steps}`);
    for (const step of ['set lock', 'eval grant', 'eval lock']) assert.ok(steps.includes(step), step);
  });
}

// fault: killed-during-sign-out
test('after a kill at any step of signing out, no signed-out session comes back, and signing out again leaves nothing behind', async (t) => {
  const steps = await killAtEach(t, {
    rotation: 'strict',
    async before({ mara }) {
      await mara.signIn();
      return '/logout';
    },
    act: ({ victim, mara }, path) => victim.visit(mara, path, 'POST'),
    async check(scene, { side, command }) {
      const { fleet, survivor, mara } = scene;
      const hasGrant = (await fleet.keys()).some((key) => key.startsWith('grant:'));
      assert.equal((await page(scene)).status, hasGrant ? 200 : 303, 'without a grant no one is signed in');
      if (side === 'after' && summarize(command) === 'del grant') assert.equal(hasGrant, false);

      assert.equal((await survivor.visit(mara, '/logout', 'POST')).status, 303);
      assert.deepEqual(await fleet.keys(), []);
      assert.equal((await page(scene)).status, 303);
      await canSignIn(scene);
    },
  });
  assert.ok(steps.length >= 4, `${steps}`);
  assert.ok(steps.indexOf('del grant') < steps.lastIndexOf('del session'), 'the grant goes first');
});

// fault: killed-during-code-exchange
test('after a kill during a call to Spotify in the middle of a sign-in, the callback is spent and the next sign-in works', async (t) => {
  const fleet = await createFleet(t, { timing });
  const survivor = await fleet.start();
  const held: [string, (victim: Server) => HeldCommand][] = [
    ['before it has heard of the code', () => fleet.spotify.hold('before')],
    ['when it has given tokens', () => fleet.spotify.hold('after')],
    ['when it is asked who it is', () => heldAtMe(fleet)],
  ];

  for (const [when, hold] of held) {
    const victim = await fleet.start();
    const scene = { fleet, victim, survivor, mara: survivor.browser() };
    const way = await scene.mara.agree();
    fleet.simulator.forgetCalls();
    const { reached } = hold(victim);
    const cutOff = victim.visit(scene.mara, way).catch(() => null);
    await reached;
    await victim.kill();
    assert.notEqual((await cutOff)?.status, 303, when);

    assert.match((await loadAgain(scene, way)) ?? '', /This sign-in was already used/, when);
    assert.deepEqual(await fleet.keys(), [], 'nothing was stored yet');
    await canSignIn(scene);
    assert.deepEqual(await fleet.keysWithoutTtl(), []);
  }
});

function heldAtMe({ simulator }: Fleet): HeldCommand {
  simulator.fault({ on: /^\/v1\/me$/, delayMs: 60_000 });
  const isAsked = () => simulator.calls.some(({ path }) => path === '/v1/me');
  return { reached: until(isAsked).then(() => ''), release: () => undefined };
}

// fault: redis-fails-after-refresh
test('a Redis that stops just after Spotify has answered, and comes back, receives the new token', {
  skip,
}, async (t) => {
  const redis = await startOwnRedis(t);
  const fleet = await createFleet(t, { rotation: 'strict', timing, redisUrl: redis.url });
  const [one, other] = await Promise.all([fleet.start({ viaRedisProxy: true }), fleet.start()]);
  const mara = one.browser();
  await mara.signIn();
  await fleet.advance({ hours: 2 });
  fleet.simulator.forgetCalls();

  const held = one.redis.hold(save, 'before');
  const cut = one.visit(mara);
  await held.reached;
  await redis.stop();
  held.release();
  assert.equal((await cut).status, 503);
  await redis.start();
  // The lock has expired as well.
  await fleet.releaseLocks();

  // The token is saved even without another request.
  const [key = ''] = (await fleet.keys()).filter((one) => one.startsWith('grant:'));
  await until(async () => ((await fleet.redis.get(key)) ?? '').startsWith('2:'));
  for (const server of [other, one]) assert.equal((await visitOnceRedisAnswers(server, mara)).status, 200);
  assert.equal(countTokenRequests(fleet.simulator, 'refresh_token'), 1);
});

// fault: save-reply-lost
test('a save whose reply was lost is recognized as done, and Spotify is not asked twice', async (t) => {
  const fleet = await createFleet(t, { rotation: 'strict', timing });
  const server = await fleet.start({ viaRedisProxy: true });
  const mara = server.browser();
  await mara.signIn();

  for (let round = 0; round < 3; round += 1) {
    await fleet.advance({ hours: 2 });
    fleet.simulator.forgetCalls();
    server.redis.dropReplyTo(save);

    const first = await server.visit(mara);
    assert.ok([200, 503].includes(first.status));
    // The connection was cut, so for a moment there is none.
    assert.equal((await visitOnceRedisAnswers(server, mara)).status, 200);
    assert.equal(countTokenRequests(fleet.simulator, 'refresh_token'), 1);
  }
});
