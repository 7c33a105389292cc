import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/*
 * Takes one safeguard away at a time, in a copy, and expects the tests to notice. A safeguard that no test misses is either not
 * needed or not tested.
 */
type Sabotage = {
  what: string;
  file: string;
  from: string;
  to: string;
  test: string;
  /** Words in the names of the tests that notice it, where the file has many slow ones. */
  named?: string | undefined;
};

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
    what: 'keeping the old refresh token',
    file: 'src/access/access.ts',
    from: 'token.refreshToken ?? stored.refreshToken',
    to: "token.refreshToken ?? ''",
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
    from: 'if wait > 0 then return known end',
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
    from: 'signal: deadline.signal,',
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
  {
    what: 'writing only where the grant still is',
    file: 'src/access/grants.ts',
    from: 'if not current or string.match(current',
    to: 'if current and string.match(current',
    test: 'races',
  },
  {
    what: 'the lease of the lock',
    file: 'src/access/lock.ts',
    from: "'PX', leaseMs, 'NX'",
    to: "'NX'",
    test: 'fleet',
    named: 'killed before it asks',
  },
  {
    what: 'freeing one’s own lock only',
    file: 'src/access/lock.ts',
    from: "if redis.call('GET', KEYS[1]) == ARGV[1] then return",
    to: 'if true then return',
    test: 'fleet',
    named: 'wakes does not free',
  },
  {
    what: 'the second look under the lock',
    file: 'src/access/access.ts',
    from: 'return stored.accessToken === spent.accessToken ? refreshed(sessionId, stored) : stored;',
    to: 'return refreshed(sessionId, stored);',
    test: 'tokens',
  },
  {
    what: 'going on while the token is good',
    file: 'src/access/access.ts',
    from: '{ wait: false }',
    to: '{ wait: true }',
    test: 'fleet',
    named: 'nobody waits',
  },
  {
    what: 'using a good token while the accounts service is away',
    file: 'src/access/access.ts',
    from: 'if (isPassing(error) && stored.expiresAt > now()) return stored;',
    to: '',
    test: 'tokens',
  },
  {
    what: 'keeping a renewal that Redis did not take',
    file: 'src/access/access.ts',
    from: 'unsaved.set(sessionId, { old, next });',
    to: '',
    test: 'crashes',
    named: 'finds the new token',
  },
  {
    what: 'saving such a renewal later by itself',
    file: 'src/access/access.ts',
    from: 'void saveLater(sessionId);',
    to: '',
    test: 'crashes',
    named: 'finds the new token',
  },
  {
    what: 'the moment of consent',
    file: 'src/access/access.ts',
    from: 'renewedAt: now(),',
    to: 'renewedAt: now(), consentAt: now(),',
    test: 'account',
  },
  {
    what: 'ending a grant by comparing',
    file: 'src/access/grants.ts',
    from: `const done = await writeIfUnchanged(key, generation, \`\${generation}:\${ended}\`, endedMs);`,
    to: `await this.forget(sessionId);
      const done = true;`,
    test: 'fleet',
    named: 'after another process has renewed',
  },
  {
    what: 'the mark of a grant that has ended',
    file: 'src/access/grants.ts',
    from: `const done = await writeIfUnchanged(key, generation, \`\${generation}:\${ended}\`, endedMs);`,
    to: `const done = await this.read(sessionId).then((one) => one?.generation === generation);
      if (done) await this.forget(sessionId);`,
    test: 'fleet',
    named: 'Redis does not take for a while',
  },
  {
    what: 'reading no generation that is no number',
    file: 'src/access/grants.ts',
    from: '/^([1-9]\\d{0,14}):(.*)$/s',
    to: '/^(.*?):(.*)$/s',
    test: 'redis-outage',
    named: 'generation',
  },
  {
    what: 'the clock of the fleet',
    file: 'src/parts.ts',
    from: 'const now = ownNow ?? clock.now;',
    to: 'const now = ownNow ?? Date.now;',
    test: 'fleet',
    named: 'clock',
  },
  {
    what: 'a clock that only counts on',
    file: 'src/access/fleet-clock.ts',
    from: 'now: () => Math.round(startedAt + performance.now()),',
    to: 'now: () => Math.round(startedAt + Date.now() - performance.timeOrigin),',
    test: 'fleet',
    named: 'clock that jumps',
  },
  {
    what: 'noting a visit only where the browser is listed',
    file: 'src/access/browsers.ts',
    from: "if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end",
    to: '',
    test: 'account',
  },
  {
    what: 'the end of the list of browsers',
    file: 'src/access/browsers.ts',
    from: "return redis.call('PEXPIRE', KEYS[1], ARGV[5])",
    to: 'return 1',
    test: 'sessions',
  },
  {
    what: 'reading no moment that is none',
    file: 'src/access/browsers.ts',
    from: 'isMoment(startedAt) && isMoment(seenAt)',
    to: "typeof startedAt === 'number' && seenAt !== null",
    test: 'account',
  },
  {
    what: 'forgetting browsers that are gone',
    file: 'src/access/browsers.ts',
    from: 'await this.remove(accountId, ...over.map(({ sessionId }) => sessionId));',
    to: '',
    test: 'account',
  },
  {
    what: 'the new session id',
    file: 'src/web/session.ts',
    from: 'req.sessionStore.generate(req);',
    to: '',
    test: 'sign-in',
  },
  {
    what: 'leaving the earlier session until the new one stands',
    file: 'src/web/session.ts',
    from: 'req.sessionStore.generate(req);',
    to: 'await called((done) => req.session.regenerate(done));',
    test: 'redis-outage',
    named: 'new sign-in',
  },
  {
    what: 'keeping the earlier session where the new one comes to nothing',
    file: 'src/web/session.ts',
    from: `req.session = earlier;
        req.sessionID = earlierId;`,
    to: '',
    test: 'redis-outage',
    named: 'new sign-in',
  },
  {
    what: 'the end of the cookie by the clock of the fleet',
    file: 'src/web/session.ts',
    from: 'req.session.cookie.expires = new Date(startedAt + absoluteLifeMs);',
    to: '',
    test: 'fleet',
    named: 'clocks are wrong',
  },
  {
    what: 'leaving the life of a session to us',
    file: 'src/web/session.ts',
    from: 'ttl: () => 1',
    to: 'ttl: 1',
    test: 'fleet',
    named: 'clocks are wrong',
  },
  {
    what: 'not reading the cookie of a record',
    file: 'src/web/session.ts',
    from: '{ cookie: {}, v,',
    to: '{ cookie: JSON.parse(record).cookie, v,',
    test: 'redis-outage',
    named: 'right but for one field',
  },
  {
    what: 'waiting until the grant is saved',
    file: 'src/pages/sign-in/sign-in.ts',
    from: 'await grants.create(',
    to: 'void grants.create(',
    test: 'redis-outage',
    named: 'new sign-in',
  },
  {
    what: 'waiting until the browser is listed',
    file: 'src/pages/sign-in/sign-in.ts',
    from: 'await browsers.add(',
    to: 'void browsers.add(',
    test: 'redis-outage',
    named: 'new sign-in',
  },
  {
    what: 'looking whether the new session still stands',
    file: 'src/pages/sign-in/sign-in.ts',
    from: 'if (!(await sessions.stands(sessionId))) {',
    to: "if (sessionId === '') {",
    test: 'account',
  },
  {
    what: 'ending the sign-in before',
    file: 'src/pages/sign-in/sign-in.ts',
    from: 'if (earlier) await signedIn.endEarlier(earlier, earlierId);',
    to: '',
    test: 'sign-in',
  },
  {
    what: 'removing the grant at the sign-out',
    file: 'src/web/signed-in.ts',
    from: 'await grants.forget(...sessionIds);',
    to: '',
    test: 'sign-in',
  },
  {
    what: 'removing the session at the sign-out',
    file: 'src/web/signed-in.ts',
    from: 'await sessions.remove(...sessionIds);',
    to: '',
    test: 'account',
  },
  {
    what: 'signing out everywhere',
    file: 'src/web/signed-in.ts',
    from: 'everywhere ? await browsers.sessionsOf(listener.accountId) : []',
    to: '[]',
    test: 'account',
  },
  {
    what: 'the banner',
    file: 'src/web/signed-in.ts',
    from: 'if (endsAt - now() < toldBeforeMs)',
    to: 'if (endsAt < 0)',
    test: 'account',
  },
  {
    what: 'the banner not being there too soon',
    file: 'src/web/signed-in.ts',
    from: 'const toldBeforeMs = 30 *',
    to: 'const toldBeforeMs = 31 *',
    test: 'account',
  },
  {
    what: 'making a life longer once a minute only',
    file: 'src/web/signed-in.ts',
    from: 'now() - last < extendEveryMs',
    to: 'now() < last',
    test: 'sessions',
  },
  {
    what: 'turning nobody away for a life that was not made longer',
    file: 'src/web/signed-in.ts',
    from: 'grant.extend(), seen]).catch(() => undefined);',
    to: 'grant.extend(), seen]);',
    test: 'sessions',
  },
  {
    what: 'an account page without Spotify',
    file: 'src/pages/account/account.ts',
    from: 'signedIn.renewingLater',
    to: 'signedIn.middleware',
    test: 'account',
  },
  {
    what: 'keeping session ids to ourselves',
    file: 'src/pages/account/account.ts',
    from: `all.map(({ sessionId, ...browser }) => ({
      ...browser,`,
    to: `all.map(({ sessionId, ...browser }) => ({
      ...browser,
      sessionId,`,
    test: 'account',
  },
  {
    what: 'the share of strangers',
    file: 'src/pages/search/search.ts',
    from: 'if (!taken) await takeFromShare(strangersSearches, problems.sharedUp);',
    to: '',
    test: 'search',
  },
  {
    what: 'the limit of an address',
    file: 'src/pages/search/search.ts',
    from: 'if (!listener) await takeFromShare(searchesOfAddress, problems.tooMany, addressOf(req));',
    to: '',
    test: 'search',
  },
  {
    what: 'taking an address of IPv6 by its household',
    file: 'src/web/address.ts',
    from: '    .slice(0, 4)\n',
    to: '',
    test: 'search',
  },
  {
    what: 'renewing the app token early',
    file: 'src/access/app-token.ts',
    from: 'token.expiresAt - earlyMs > now()',
    to: 'token.expiresAt > now()',
    test: 'search',
  },
  {
    what: 'asking for one app token at a time',
    file: 'src/access/app-token.ts',
    from: 'await withLock(key, work, { wait: true })',
    to: 'await work()',
    test: 'search',
  },
  {
    what: 'sealing the app token',
    file: 'src/access/app-token.ts',
    from: 'seal.seal(JSON.stringify(next), key)',
    to: 'JSON.stringify(next)',
    test: 'search',
  },
  {
    what: 'keeping answers apart by whose they are',
    file: 'src/access/kept.ts',
    from: 'JSON.stringify([whose, what])',
    to: 'JSON.stringify([what])',
    test: 'kept',
  },
  {
    what: 'forgetting what is still being asked',
    file: 'src/access/kept.ts',
    from: 'for (const name of underWay.keys()) if (name.startsWith(start)) underWay.delete(name);',
    to: '',
    test: 'kept',
  },
  {
    what: 'the bound of kept answers',
    file: 'src/access/kept.ts',
    from: 'characters <= mostCharacters && since',
    to: 'since',
    test: 'kept',
  },
  {
    what: 'doing what a form asks for once',
    file: 'src/web/forms.ts',
    from: "'PX', leaseMs, 'NX'",
    to: "'PX', leaseMs",
    test: 'playlist-changes',
  },
  {
    what: 'looking words up as our own only',
    file: 'src/web/forms.ts',
    from: "typeof said === 'string' && Object.hasOwn(words, said) ? words[said] : undefined",
    to: 'words[String(said)]',
    test: 'library',
  },
  {
    what: 'escaping formulas',
    file: 'src/pages/export/formats.ts',
    from: 'escape_formulas: true, ',
    to: '',
    test: 'export',
  },
  {
    what: 'the bound of pages under way',
    file: 'src/pages/export/source.ts',
    from: 'const width = 4;',
    to: 'const width = 24;',
    test: 'export',
  },
  {
    what: 'going on where a file stopped',
    file: 'src/pages/export/source.ts',
    from: 'resume(from + manifest.written)',
    to: 'resume(from)',
    test: 'export',
  },
  {
    what: 'the order of pages',
    file: 'src/pages/export/source.ts',
    from: 'await underWay.shift()',
    to: 'await underWay.pop()',
    test: 'export',
  },
  {
    what: 'writing no faster than is read',
    file: 'src/pages/export/export.ts',
    from: '{ highWaterMark: 1 }',
    to: '{ highWaterMark: 1000 }',
    test: 'export',
  },
  {
    what: 'the version of a playlist when removing',
    file: 'src/spotify/web-api.ts',
    from: ', snapshot_id: snapshotId',
    to: '',
    test: 'playlist-changes',
  },
  {
    what: 'the ten results of a search',
    file: 'src/spotify/web-api.ts',
    from: 'export const resultsPerPage = 10;',
    to: 'export const resultsPerPage = 20;',
    test: 'search',
  },
  {
    what: 'asking to see only, at first',
    file: 'src/pages/sign-in/sign-in.ts',
    from: 'scopes.top].flat()',
    to: 'scopes.top, scopes.control].flat()',
    test: 'what-it-does',
  },
  {
    what: 'saying why a command was refused',
    file: 'src/pages/player/player.ts',
    from: "  [PremiumRequired, 'premium-required'],\n",
    to: '',
    test: 'player',
  },
  {
    what: 'asking the library anew after a change',
    file: 'src/pages/library/library.ts',
    from: "if (req.query.said !== undefined) req.listener.forget('library');",
    to: '',
    test: 'library',
  },
  {
    what: 'the lease of the one who looks',
    file: 'src/live/hub.ts',
    from: 'if owner and owner ~= ARGV[1] then return 0 end',
    to: '',
    test: 'live',
  },
  {
    what: 'looking for nobody when nobody watches',
    file: 'src/live/hub.ts',
    from: 'if (watched.watchers.size === 0 && all.get(accountId) === watched) leave(watched);',
    to: '',
    test: 'live',
  },
  {
    what: 'not believing a look from before a change',
    file: 'src/live/hub.ts',
    from: 'if (askedAt < watched.changedAt || (before !== null && askedAt < before.askedAt)) {',
    to: 'if (false) {',
    test: 'live',
  },
  {
    what: 'the look of who comes back alone',
    file: 'src/live/hub.ts',
    from: 'const wished = isWanted(watched) ? now() : Number.POSITIVE_INFINITY;',
    to: 'const wished = Number.POSITIVE_INFINITY;',
    test: 'live',
  },
  {
    what: 'reading records of our own version only',
    file: 'src/live/seen.ts',
    from: 'return its === shape ? seen : null;',
    to: 'return seen;',
    test: 'live',
  },
  {
    what: 'ending streams with their sign-in',
    file: 'src/live/hub.ts',
    from: 'onEnd();\n    }',
    to: ';\n    }',
    test: 'live',
  },
  {
    what: 'one call to try when a wait is over',
    file: 'src/access/door.ts',
    from: "if not tries then return 'wait' end",
    to: '',
    test: 'live',
  },
  {
    what: 'the hour of a used up quota',
    file: 'src/access/door.ts',
    from: 'quota ? defaultWaitMs.quota : defaultWaitMs.rate',
    to: 'defaultWaitMs.rate',
    test: 'live',
  },
  {
    what: 'stretching waits while the last calls go',
    file: 'src/live/cadence.ts',
    from: 'const stretch = stretchOf(budget, watched);',
    to: 'const stretch = 1;',
    test: 'cadence',
  },
  {
    what: 'leaving out ends when calls are few',
    file: 'src/live/cadence.ts',
    from: 'Math.round(allowed / usualMs)',
    to: '1',
    test: 'cadence',
  },
  {
    what: 'setting ends aside',
    file: 'src/live/cadence.ts',
    from: '(perHour * ends) / hour - 1',
    to: '(perHour * ends) / hour',
    test: 'cadence',
  },
  {
    what: 'telling until when enough has come free',
    file: 'src/live/cadence.ts',
    from: 'if (!isSparing(paceOf({ perDay, used: left, frees: later }, watched, usualMs))) return inMs;',
    to: 'return inMs;',
    test: 'cadence',
  },
  {
    what: 'telling a player that stands still',
    file: 'src/live/seen.ts',
    from: 'still || isOverdue(before, after)',
    to: 'false',
    test: 'cadence',
  },
  {
    what: 'learning how late Spotify is',
    file: 'src/live/seen.ts',
    from: 'lateMs + late.up',
    to: 'lateMs',
    test: 'cadence',
  },
  {
    what: 'learning how long tracks last',
    file: 'src/live/seen.ts',
    from: 'usualWeight * (heardMs',
    to: '0 * (heardMs',
    test: 'cadence',
  },
  {
    what: 'letting go of who does not read',
    file: 'src/live/stream.ts',
    from: 'if (res.writableLength > mostBacklog) res.destroy();',
    to: '',
    test: 'streams',
  },
  {
    what: 'seeing whether Redis keeps',
    file: 'src/checks/redis.ts',
    from: "if (facts.get('aof_enabled') === '1') {",
    to: 'if (facts.size) {',
    test: 'doctor',
  },
  {
    what: 'seeing whether Redis evicts',
    file: 'src/checks/redis.ts',
    from: "if (policy === 'noeviction') return",
    to: 'if (policy) return',
    test: 'doctor',
  },
  {
    what: 'seeing that a clock is wrong',
    file: 'src/checks/clock.ts',
    from: 'if (Math.abs(off) <= mostMs)',
    to: 'if (off <= Number.MAX_VALUE)',
    test: 'doctor',
  },
  {
    what: 'the exit code of the doctor',
    file: 'src/doctor.ts',
    from: "if (state === 'bad') process.exitCode = 1;",
    to: '',
    test: 'doctor',
  },
  {
    what: 'asking Spotify once a minute for the set-up',
    file: 'src/pages/setup/setup.ts',
    from: 'asked === null || now() - asked.at >= spotifyEveryMs',
    to: 'asked === null || now() >= asked.at',
    test: 'setup',
  },
  {
    what: 'hiding the set-up from the world',
    file: 'src/config.ts',
    from: "!production && baseUrl.startsWith('http:')",
    to: '!production',
    test: 'setup',
  },
  {
    what: 'offering to send a form again',
    file: 'src/web/error-pages.ts',
    from: '!passing.some((reason) => error instanceof reason)',
    to: 'passing.length === 0',
    test: 'send-again',
  },
  {
    what: 'keeping personal pages out of search engines',
    file: 'src/web/robots.ts',
    from: "res.set('X-Robots-Tag', 'noindex');",
    to: '',
    test: 'install',
  },
  {
    what: 'counting the streams of a session in all processes',
    file: 'src/live/stream.ts',
    from: '(await fromRedis(taken)) === 1',
    to: '(await fromRedis(taken)) !== 2',
    test: 'live',
    named: 'eleventh',
  },
  {
    what: 'holding the places of open streams',
    file: 'src/live/stream.ts',
    from: 'await Promise.all(places.slice(from, from + atATime).map(take));',
    to: '',
    test: 'streams',
  },
  {
    what: 'telling a used up quota from a rate',
    file: 'views/now-playing/card.ejs',
    from: 'news.quota ?',
    to: 'false ?',
    test: 'live',
    named: 'quota',
  },
  {
    what: 'the order of languages',
    file: 'src/web/reader.ts',
    from: '.sort((a, b) => b.weight - a.weight)',
    to: '',
    test: 'languages',
  },
];

// npm run test:sabotage -- banner: only those whose words hold this.
const [words = ''] = process.argv.slice(2);
const wanted = sabotages.filter(({ what, file }) => `${what} ${file}`.includes(words));

const root = join(import.meta.dirname, '..');
const copy = mkdtempSync(join(tmpdir(), 'turntable-sabotage-'));
for (const folder of ['src', 'views', 'public', 'bench', 'test', 'package.json', '.env.example']) {
  cpSync(join(root, folder), join(copy, folder), { recursive: true });
}
symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));

let missed = 0;
// A test that fails with every safeguard in place would notice anything.
const failing = new Set<string>();
for (const [key, sabotage] of new Map(wanted.map((one) => [keyOf(one), one]))) {
  if (outcome(sabotage) === 0) continue;
  failing.add(key);
  missed += 1;
  console.log(`FAILS    with nothing taken away: ${key}`);
}
for (const sabotage of wanted) {
  const { what, file, from, to, test } = sabotage;
  if (failing.has(keyOf(sabotage))) continue;
  const path = join(copy, file);
  const whole = readFileSync(path, 'utf8');
  const broken = whole.replaceAll(from, () => to);
  writeFileSync(path, broken);
  // One that took too long altogether has noticed nothing.
  const seen = whole !== broken && ![0, null].includes(outcome(sabotage));
  writeFileSync(path, whole);
  if (!seen) missed += 1;
  console.log(`${seen ? 'noticed' : whole === broken ? 'NOT FOUND' : 'MISSED '}  without ${what} (${test})`);
}
rmSync(copy, { recursive: true });
console.log(missed === 0 ? `all ${wanted.length} noticed` : `${missed} to look at`);
process.exitCode = missed > 0 ? 1 : 0;

function keyOf({ test, named }: Sabotage): string {
  return named ? `${test}, ${named}` : test;
}

/** The exit code of the tests that are to notice it, with the copy as it is; null where they did not come to an end. */
function outcome({ test, named }: Sabotage): number | null {
  return spawnSync(
    process.execPath,
    [
      '--test',
      '--test-timeout=30000',
      '--test-global-setup=test/support/global-setup.ts',
      ...(named ? [`--test-name-pattern=${named}`] : []),
      `test/${test}.test.ts`,
    ],
    { cwd: copy, timeout: 120_000, stdio: 'ignore' },
  ).status;
}
