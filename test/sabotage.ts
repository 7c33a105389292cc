import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/*
 * Takes one safeguard away at a time, in a copy, and expects the tests to notice. A safeguard that no test misses is either not
 * needed or not tested.
 */
type Sabotage = { what: string; file: string; from: string; to: string; test: string };

const sabotages: Sabotage[] = [
  {
    what: 'the lock',
    file: 'src/access/lock.ts',
    from: "owner, 'PX', leaseMs, 'NX'",
    to: "owner, 'PX', leaseMs",
    test: 'tokens',
  },
  {
    what: 'the compare',
    file: 'src/access/grants.ts',
    from: "or string.match(current, '^(%d+):') ~= ARGV[1]",
    to: '',
    test: 'races',
  },
  {
    what: 'writing only where the grant still is',
    file: 'src/access/grants.ts',
    from: "if not current or string.match(current, '^(%d+):') ~= ARGV[1] then",
    to: "if current and string.match(current, '^(%d+):') ~= ARGV[1] then",
    test: 'races',
  },
  {
    what: 'the second look under the lock',
    file: 'src/access/access.ts',
    from: 'if (stored.accessToken !== spent) return stored;',
    to: '',
    test: 'tokens',
  },
  {
    what: 'keeping the old refresh token',
    file: 'src/access/access.ts',
    from: 'token.refreshToken ?? stored.refreshToken',
    to: "token.refreshToken ?? ''",
    test: 'tokens',
  },
  {
    what: 'forgetting a dead grant',
    file: 'src/access/access.ts',
    from: 'await grants.forget(sessionId);',
    to: '',
    test: 'tokens',
  },
  {
    what: 'the early renewal',
    file: 'src/access/access.ts',
    from: 'stored.expiresAt - earlyMs > now()',
    to: 'stored.expiresAt > now()',
    test: 'tokens',
  },
  {
    what: 'the door',
    file: 'src/access/door.ts',
    from: 'if (until > now()) throw',
    to: 'if (false) throw',
    test: 'spotify-faults',
  },
  {
    what: 'telling long waits from short ones',
    file: 'src/access/door.ts',
    from: 'waitMs > shortWaitMs',
    to: 'waitMs > 0',
    test: 'spotify-faults',
  },
  {
    what: 'remembering the dialect',
    file: 'src/access/dialects.ts',
    from: "(first === 'new' ? remember() : this.forget())",
    to: 'Promise.resolve()',
    test: 'playlist',
  },
  {
    what: 'the binding of a sealed grant to its key',
    file: 'src/access/seal.ts',
    from: 'setAAD(Buffer.from(boundTo))',
    to: "setAAD(Buffer.from(''))",
    test: 'redis-outage',
  },
  {
    what: 'the deadline',
    file: 'src/spotify/http.ts',
    from: 'signal: AbortSignal.timeout(deadlineMs),',
    to: '',
    test: 'spotify-faults',
  },
  {
    what: 'the size cap',
    file: 'src/spotify/http.ts',
    from: 'maxContentLength: maxBytes,',
    to: '',
    test: 'spotify-faults',
  },
  {
    what: 'not following redirects',
    file: 'src/spotify/http.ts',
    from: 'maxRedirects: 0,',
    to: '',
    test: 'spotify-faults',
  },
  {
    what: 'the verifier of the sign-in',
    file: 'src/spotify/accounts.ts',
    from: 'code_verifier: verifier,',
    to: '',
    test: 'sign-in',
  },
  {
    what: 'dropping links to elsewhere',
    file: 'src/spotify/answers.ts',
    from: "url.protocol === 'https:' && hosts.test(url.host)",
    to: 'hosts.test(url.host)',
    test: 'now-playing',
  },
  {
    what: 'undoing the entities of descriptions',
    file: 'src/spotify/answers.ts',
    from: 'decodeHTML(text(json.description))',
    to: 'text(json.description)',
    test: 'playlists',
  },
  {
    what: 'the new session id',
    file: 'src/web/session.ts',
    from: 'req.session.regenerate(done)',
    to: 'done()',
    test: 'sign-in',
  },
  {
    what: 'waiting until session and grant are saved',
    file: 'src/pages/sign-in/sign-in.ts',
    from: 'await grants.create(',
    to: 'void grants.create(',
    test: 'races',
  },
  {
    what: 'saving sessions only where they still are',
    file: 'src/web/session.ts',
    from: "'KEEPTTL', 'XX'",
    to: "'EX', 1000",
    test: 'races',
  },
  {
    what: 'leaving strangers out of Redis',
    file: 'src/web/session.ts',
    from: 'saveUninitialized: false',
    to: 'saveUninitialized: true',
    test: 'sign-in',
  },
  {
    what: 'saying at once that Redis is away',
    file: 'src/web/session.ts',
    from: "if (redis.status !== 'ready') throw",
    to: 'if (false) throw',
    test: 'redis-outage',
  },
  {
    what: 'the time limit of Redis commands',
    file: 'src/parts.ts',
    from: 'commandTimeout: 500,',
    to: '',
    test: 'redis-outage',
  },
  {
    what: 'the state check',
    file: 'src/pages/sign-in/pending.ts',
    from: "return first === 'OK' ? pending : 'used';",
    to: 'return pending;',
    test: 'sign-in',
  },
  {
    what: 'the ten minutes of a sign-in',
    file: 'src/pages/sign-in/pending.ts',
    from: 'pending.startedAt + lifeMs > now() ? pending : null',
    to: 'pending',
    test: 'sign-in',
  },
  {
    what: 'the limit of sign-ins under way',
    file: 'src/pages/sign-in/pending.ts',
    from: 'standing.slice(most - 1)',
    to: '[]',
    test: 'sign-in',
  },
  {
    what: 'forgetting the grant at sign-out',
    file: 'src/pages/sign-in/sign-in.ts',
    from: 'await grants.forget(req.session.id);',
    to: '',
    test: 'sign-in',
  },
  {
    what: 'forgetting the grant of the session before',
    file: 'src/pages/sign-in/sign-in.ts',
    from: 'if (before) await grants.forget(before);',
    to: '',
    test: 'sign-in',
  },
  {
    what: 'asking again after signing out',
    file: 'src/pages/sign-in/sign-in.ts',
    from: "|| cookies.sent(req).has('signed-out')",
    to: '',
    test: 'sign-in',
  },
  {
    what: 'keeping the way back out of pages',
    file: 'src/web/own-path.ts',
    from: '(login|callback|logout)',
    to: '(login|logout)',
    test: 'security',
  },
  {
    what: 'leading to our own pages only',
    file: 'src/web/own-path.ts',
    from: 'url.origin !== baseUrl ||',
    to: '',
    test: 'sign-in',
  },
  {
    what: 'leading to paths that are no hosts',
    file: 'src/web/own-path.ts',
    from: "path.startsWith('//') ||",
    to: '',
    test: 'sign-in',
  },
  {
    what: 'refusing other sites',
    file: 'src/web/same-origin.ts',
    from: 'next(ours ?',
    to: 'next(true ?',
    test: 'sign-in',
  },
  {
    what: 'logging paths without their queries',
    file: 'src/ops/log.ts',
    from: 'const { method, path } = req;',
    to: 'const { method, originalUrl: path } = req;',
    test: 'security',
  },
  {
    what: 'keeping errors of Redis to ourselves',
    file: 'src/access/errors.ts',
    from: 'const kind = replyCode(error) ??',
    to: 'const kind = JSON.stringify(error) ??',
    test: 'security',
  },
];

const root = join(import.meta.dirname, '..');
const copy = mkdtempSync(join(tmpdir(), 'turntable-sabotage-'));
for (const folder of ['src', 'views', 'public', 'test', 'package.json', '.env.example']) {
  cpSync(join(root, folder), join(copy, folder), { recursive: true });
}
symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));

let missed = 0;
for (const { what, file, from, to, test } of sabotages) {
  const path = join(copy, file);
  const whole = readFileSync(path, 'utf8');
  const broken = whole.replaceAll(from, () => to);
  const seen = whole !== broken && notices(test, path, broken);
  writeFileSync(path, whole);
  if (!seen) missed += 1;
  console.log(`${seen ? 'noticed' : whole === broken ? 'NOT FOUND' : 'MISSED '}  without ${what} (${test})`);
}
rmSync(copy, { recursive: true });
console.log(`${sabotages.length - missed} passed, ${missed} failed`);
process.exitCode = missed > 0 ? 1 : 0;

function notices(test: string, path: string, broken: string): boolean {
  writeFileSync(path, broken);
  const { status } = spawnSync(
    process.execPath,
    [
      '--test',
      '--test-timeout=30000',
      '--test-global-setup=test/support/global-setup.ts',
      `test/${test}.test.ts`,
    ],
    { cwd: copy, timeout: 120_000, stdio: 'ignore' },
  );
  return status !== 0;
}
