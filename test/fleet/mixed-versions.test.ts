import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startSimulator } from '../../simulator/simulator.ts';
import { freePort } from '../../src/redis/local-server.ts';
import { openStream } from '../support/event-stream.ts';
import { allowAll } from '../support/pages.ts';
import { root, run } from '../support/process.ts';
import { skipWithoutProgram, startOwnRedis } from '../support/redis.ts';
import {
  type Browser,
  clientId,
  clientSecret,
  countTokenRequests,
  createBrowser,
} from '../support/turntable.ts';

/*
 * The last release and this version side by side, as real processes. The release comes from its tag, so this only runs in a clone that has it;
 * test/redis/versions.test.ts opens the records of each release in any clone.
 */
const [, lastRelease = ''] =
  /^## (\d+\.\d+\.\d+)/m.exec(readFileSync(join(root, 'CHANGELOG.md'), 'utf8')) ?? [];
const tag = `v${lastRelease}`;
const hasTag = git('rev-parse', '--verify', '--quiet', `${tag}^{commit}`).status === 0;
const skip = skipWithoutProgram || (hasTag ? false : `this clone has no tag ${tag} (git fetch --tags)`);

function git(...args: string[]) {
  return spawnSync('git', args, { cwd: root, maxBuffer: 1_000_000_000 });
}

/** The files of the last release, with the packages of this version, until the test ends. */
function checkOutLastRelease(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'turntable-release-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { stdout: input } = git('archive', tag);
  assert.equal(spawnSync('tar', ['-x', '-C', folder], { input }).status, 0);
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return folder;
}

/** Starts servers of any version on one Redis and one Spotify, which replaces refresh tokens at once. */
async function createMixedFleet(t: TestContext) {
  const redis = await startOwnRedis(t);
  const simulator = await startSimulator({ clientId, clientSecret });
  t.after(() => simulator.close());
  simulator.settings.rotation = 'strict';
  const baseUrl = `http://127.0.0.1:${await freePort()}`;
  simulator.registerRedirectUri(`${baseUrl}/callback`);

  async function start(folder: string) {
    const port = await freePort();
    const server = run(
      t,
      'src/main.ts',
      {
        NODE_ENV: 'production',
        PORT: String(port),
        BASE_URL: baseUrl,
        REDIS_URL: redis.url,
        SPOTIFY_CLIENT_ID: clientId,
        SPOTIFY_CLIENT_SECRET: clientSecret,
        SPOTIFY_ACCOUNTS_URL: simulator.accountsUrl,
        SPOTIFY_API_URL: simulator.apiUrl,
        SESSION_SECRET: 'of-these-tests-and-long-enough-for-it',
      },
      { cwd: folder },
    );
    await server.waitForOutput(/Turntable is at/);
    const url = `http://127.0.0.1:${port}`;
    return {
      url,
      output: server.output,
      browser: () => createBrowser(url, simulator, baseUrl),
      /** The same browser at this server. */
      at(person: Browser): Browser {
        const moved = createBrowser(url, simulator, baseUrl);
        moved.agent.set('Cookie', person.cookieHeader());
        return moved;
      },
      async stop(): Promise<void> {
        server.child.kill('SIGTERM');
        assert.equal(await server.ended, 0, server.output());
      },
    };
  }
  return { simulator, start };
}

type MixedServer = Awaited<ReturnType<Awaited<ReturnType<typeof createMixedFleet>>['start']>>;

/** The lines about damaged records. Until 0.3.0, messages of another version counted as damaged as well. */
const damageIn = ({ output }: MixedServer): string[] =>
  output()
    .split('\n')
    .filter((line) => /damaged record/.test(line) && !/"kind":"message"/.test(line));

// fault: two-versions-side-by-side
test('the last release and this version run side by side, take over from each other and go back, and no one is signed out', {
  skip,
}, async (t) => {
  const { simulator, start } = await createMixedFleet(t);
  const release = checkOutLastRelease(t);
  const earlier = await start(release);
  const [laptop, phone, noor] = [earlier.browser(), earlier.browser(), earlier.browser()];
  for (const mara of [laptop, phone]) await mara.signIn('mara', allowAll);
  await noor.signIn('noor');
  const later = await start(root);
  const jonas = later.browser();
  await jonas.signIn('jonas');
  const people = [laptop, phone, noor, jonas];
  const signIns = countTokenRequests(simulator, 'authorization_code');

  /** Visits pages as everyone at these servers, again and again with tokens that Spotify no longer accepts. */
  const visitAll = async (...servers: readonly MixedServer[]) => {
    for (const path of ['/playlists', '/account', '/now-playing', '/library'])
      for (const server of servers) {
        simulator.expireAccessTokens();
        const pages = people.map((person) => server.at(person).get(path));
        for (const { status, text } of await Promise.all(pages)) assert.equal(status, 200, text.slice(-500));
      }
  };
  const ends = async (at: MixedServer, elsewhere: MixedServer) => {
    const person = at.browser();
    await person.signIn('mara');
    const stream = await openStream(t, at.url, person);
    await stream.waitFor(() => true);
    await elsewhere.at(person).post('/logout').expect(303);
    await stream.waitForEnd();
    await at.at(person).get('/playlists').expect(303);
  };

  await visitAll(earlier, later);
  await ends(earlier, later);
  await ends(later, earlier);
  await earlier.stop();
  await visitAll(later);
  const back = await start(release);
  await visitAll(back, later);
  await later.stop();
  await visitAll(back);

  const refreshes = countTokenRequests(simulator, 'refresh_token');
  t.diagnostic(`${tag}: ${refreshes} refreshes`);
  assert.ok(refreshes > 20);
  assert.equal(countTokenRequests(simulator, 'authorization_code'), signIns + 2, 'no one had to agree again');
  for (const server of [earlier, later, back]) assert.deepEqual(damageIn(server), []);
});
