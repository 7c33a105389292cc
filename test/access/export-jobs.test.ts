import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { ChunkMissing, createExportJobs } from '../../src/access/export-jobs.ts';
import { createSeal } from '../../src/access/seal.ts';
import { keys } from '../../src/redis/keys.ts';
import { createClock } from '../support/clock.ts';
import { connectAsServer, recordsIn, testRedisUrl } from '../support/redis.ts';

const accountId = 'mara';

async function startJob(t: TestContext) {
  const redis = connectAsServer(await testRedisUrl());
  t.after(() => redis.disconnect());
  const clock = createClock();
  const seal = createSeal([randomBytes(32).toString('hex')]);
  const records = recordsIn(redis);
  const { now } = clock;
  const jobs = createExportJobs({ redis, records, seal, clientId: 'app', leaseMs: 60_000, now });
  await redis.hset(keys.browsers(accountId), 'session', '1');
  await jobs.start(accountId, {
    id: 'job',
    exportId: 'all',
    name: null,
    sessionId: 'session',
    startedAt: now(),
    state: 'running',
    until: null,
    reason: null,
    missing: 0,
    isConfirmed: false,
    calls: null,
    rows: 0,
    totalRows: null,
    playlists: null,
    absent: { sentAsNull: 0, notSent: 0 },
    cursor: { page: 1, skip: 0, from: 0, before: null, snapshot: null },
    chunks: 0,
    characters: 0,
    failures: 0,
  });
  const owner = (await jobs.claim(accountId)) ?? assert.fail();
  const job = (await jobs.get(accountId)) ?? assert.fail();
  const chunk = (nth: number) => keys.exportChunk(accountId, 'job', String(nth));
  return { redis, jobs, clock, owner, job, chunk };
}

// fault: rows-of-long-job-expire
test('the rows of a job don’t expire while it continues, and a loss is noticed', async (t) => {
  const { redis, jobs, clock, owner, job, chunk } = await startJob(t);
  const first = (await jobs.save(accountId, owner, job, [{ rows: [] }])) ?? assert.fail();
  await redis.pexpire(chunk(0), 90_000);
  clock.advance({ hours: 2 });

  const second = (await jobs.save(accountId, owner, first, [{ rows: [] }])) ?? assert.fail();
  assert.ok((await redis.pttl(chunk(0))) > 25 * 3_600_000);

  await redis.del(chunk(0));
  await assert.rejects(jobs.save(accountId, owner, second, null), ChunkMissing);
  await jobs.stopForLostRows(accountId, new ChunkMissing('Lost', 'job'));
  assert.deepEqual(await redis.exists(chunk(1)), 0);
  const lost = await jobs.get(accountId);
  assert.deepEqual([lost?.state, lost?.reason, lost?.chunks], ['stopped', 'rows-lost', 0]);
});

// fault: chunk-left-behind
test('a job that is deleted while it stores something leaves nothing behind', async (t) => {
  const { redis, jobs, owner, job, chunk } = await startJob(t);

  await Promise.all([jobs.remove(accountId), jobs.save(accountId, owner, job, [{ rows: [] }])]);

  assert.equal(await redis.exists(chunk(0), keys.exportJob(accountId), keys.exportLease(accountId)), 0);
});

test('a job that takes the place of another one leaves nothing of it behind', async (t) => {
  const { redis, jobs, owner, job, chunk } = await startJob(t);

  await Promise.all([
    jobs.start(accountId, { ...job, id: 'other' }),
    jobs.save(accountId, owner, job, [{ rows: [] }]),
  ]);

  assert.equal(await redis.exists(chunk(0)), 0);
  assert.equal((await jobs.get(accountId))?.id, 'other');
});

// fault: loss-stops-another-job
test('a job that has taken the place of one with a lost chunk goes on', async (t) => {
  const { jobs, owner } = await startJob(t);

  await jobs.stopForLostRows(accountId, new ChunkMissing('Lost', 'earlier'));

  assert.equal((await jobs.get(accountId))?.state, 'running');
  assert.equal(await jobs.extend(accountId, owner), true, 'its process still has it');
});

// fault: paused-jobs-forgotten
test('the index of jobs outlives the longest pause, whatever is started after it', async (t) => {
  const { redis, jobs, clock, owner, job } = await startJob(t);
  const days = 86_400_000;
  await jobs.save(accountId, owner, { ...job, state: 'paused', until: clock.now() + 3 * days }, null);
  await jobs.schedule('another', clock.now());

  assert.ok((await redis.pttl(keys.exportJobs('app'))) > 3 * days);
});

test('a reason that was stored before it was renamed is read under its present name', async (t) => {
  const { jobs, owner, job } = await startJob(t);
  await jobs.save(accountId, owner, { ...job, state: 'stopped', reason: 'changed-meanwhile' }, null);

  assert.equal((await jobs.get(accountId))?.reason, 'changed-during-export');
});

// fault: lease-of-another-job-released
test('deleting a job leaves the lease of whoever takes it then', async (t) => {
  const { redis, jobs } = await startJob(t);

  await Promise.all([jobs.remove(accountId), redis.set(keys.exportLease(accountId), 'theirs')]);

  assert.equal(await redis.get(keys.exportLease(accountId)), 'theirs');
});

// fault: job-said-to-run
test('a job that isn’t stored isn’t said to have started', async (t) => {
  const { redis, jobs, job } = await startJob(t);
  assert.equal(await jobs.start(accountId, job), 'started');
  await redis.del(keys.browsers(accountId));

  assert.equal(await jobs.start(accountId, job), 'not-stored');
});
