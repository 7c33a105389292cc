import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keys } from '../../src/redis/keys.ts';

/** The part of a key that decides its slot in a cluster. */
const hashTag = (key: string) => /\{([^}]+)\}/.exec(key)?.[1];

test('every key has a hash tag, and keys that one script uses have the same one', () => {
  const all = Object.values(keys).map((key: (...ids: string[]) => string) => key('{an id}', '{an id}'));
  for (const key of all) assert.equal(hashTag(key.replaceAll('{{', '{').replaceAll('}}', '}')), 'an id', key);
  assert.equal(new Set(all).size, all.length, 'and no two kinds have the same key');

  for (const together of [
    [keys.browsers('a'), keys.nowPlaying('a'), keys.recentlyPlayed('a'), keys.exportProgress('a')],
    [keys.browsers('a'), keys.exportLease('a'), keys.exportJob('a'), keys.exportChunk('a', 'j', '0')],
    [keys.ledger('c'), keys.usage('c')],
    [keys.grant('s'), keys.lock(keys.grant('s'))],
  ])
    assert.equal(new Set(together.map(hashTag)).size, 1, together.join(' '));
});
