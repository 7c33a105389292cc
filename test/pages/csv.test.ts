import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { startTurntable } from '../support/turntable.ts';

/*
 * Tables are read back by a parser that is not ours and in another language: Python's. CI must have it.
 */
const hasPython = spawnSync('python3', ['--version']).status === 0;
const skip = hasPython || process.env.CI ? false : 'there is no python3 on the PATH to read tables with';

/** Reads a table from standard input with each separator; strictly with the one it was written with. */
const reader = `
import csv, io, json, sys
text = sys.stdin.buffer.read().decode('utf-8-sig')
read = lambda separator, strict: list(csv.reader(io.StringIO(text, newline=''), delimiter=separator, strict=strict))
print(json.dumps({separator: read(separator, separator == ',') for separator in [',', ';', '\\t', '|']}))
`;

type Tables = Record<',' | ';' | '\t' | '|', string[][]>;

function readByPython(text: string): Tables {
  const { stdout, stderr, status } = spawnSync('python3', ['-c', reader], { input: text, encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

/** The start of a formula in some spreadsheet, after the characters that it skips. A sign alone is none, nor is a number. */
const formula = /^(?![+-]?[\d.,]+$)[\s\p{Cf}\p{Cc}]*[=+\-@＝＋－＠]./u;

/** Names that some spreadsheet takes for a formula, or for another cell that is one. */
const nasty = [
  '=HYPERLINK("http://evil.example")',
  '-2+3',
  "+cmd|' /C calc'!A0",
  '@SUM(A1)',
  '- EP',
  ' =1',
  '\u00a0=1',
  '\u200b=1',
  '\ufeff=1',
  '＝1+1',
  '＋A1',
  '－A1',
  '＠A1',
  '\t=1',
  '\r=1',
  '\n=1',
  "x;=cmd|' /C calc'!A0",
  'x,=1',
  'x\t=1',
  'x|=1',
  'x;"=1',
  'x;""=1"',
  '";=1',
  'x;;=1',
  ';=1',
  '=+1',
  '- -1',
  'x; =1',
  'x;\u200b=1',
  'x;＝1',
  'x| ＋A1',
  "x;= cmd|' /C calc'!A0",
  'x;- 1',
  'x;=',
  'x; "=1',
  'Hello, @home',
];
/** Names that no spreadsheet takes for a formula. */
const harmless = [
  'A song',
  'Help! - Remastered',
  'Who? - Live',
  'Song (Live) - 2009',
  '"Heroes" - Single Version',
  '-',
  '+',
  '=',
  '@',
  '+44',
  '-1',
  ';-)',
  'Say "hello"',
  "Don't; stop, now",
  '2 + 2 = 5',
  'Artist - Title (feat. Mo Lind)',
  'a=b',
  'C@t',
  'C++',
  'a==b',
  'Half - time - show',
  'שירים; לדרך',
  '🌧️☕️👩🏽‍🚀',
  'x'.repeat(300),
];
/** Names that must not begin a row. */
const broken = ['x\n=1+1', 'x\r=1+1', 'x\r\n=1+1', 'x\u0085=1', 'x\u2028=1', 'nul\u0000=1'];

// fault: spreadsheet-formula
test('no cell of a table begins a formula or a row, whichever separator it is read with; harmless names are unchanged', {
  skip,
}, async (t) => {
  const { browser, simulator } = await startTurntable(t);
  const mara = browser();
  await mara.signIn();
  const names = [...nasty, ...broken, ...harmless];
  const id = '0'.repeat(22);
  const items = names.map((name) => ({
    added_at: '=1+1',
    added_by: { id: name },
    item: {
      type: 'track',
      name,
      artists: [{ name: 'Mo Lind' }, { name }, { name }],
      album: { name },
      duration_ms: 1000,
      is_playable: false,
      restrictions: { reason: name },
    },
  }));
  const card = { id, name: nasty[0], snapshot_id: nasty[16], items: { total: items.length } };
  // Each file requests the playlist's snapshot once more at its end.
  const head = { status: 200, body: JSON.stringify(card) };
  simulator.fault({ on: /\/playlists\/0+$/, times: 3, answer: head });
  for (const from of [0, 50, 0, 50]) {
    const body = JSON.stringify({ total: items.length, items: items.slice(from, from + 50) });
    simulator.fault({ on: /\/items$/, answer: { status: 200, body } });
  }
  simulator.fault({
    on: /\/me\/playlists$/,
    answer: { status: 200, body: JSON.stringify({ total: 1, items: [card] }) },
  });

  for (const path of [`/playlists/${id}/export.csv`, '/playlists/export.csv']) {
    const { text } = await mara.get(path).buffer(true).expect(200);
    const tables = readByPython(text);

    // ";-)" is none, although the first two signs could be taken for a separator and a minus.
    for (const [separator, rows] of Object.entries(tables))
      for (const row of rows)
        for (const cell of row.filter((cell) => !cell.startsWith('-)')))
          assert.doesNotMatch(cell, formula, `${JSON.stringify(cell)} with ${JSON.stringify(separator)}`);

    const [head = [], ...rows] = tables[','];
    assert.ok(rows.every((row) => row.length === head.length));
    assert.equal(rows.length, names.length, 'a row for each item, and no more');
    const at = (column: string) => rows.map((row) => row[head.indexOf(column)] ?? assert.fail(column));
    assert.deepEqual(
      at('Position'),
      names.map((_, index) => String(index + 1)),
    );
    // How to read back the exact names: see safeCell.
    const undone = (cell: string) => cell.replace(/'(?=[\s\p{Cf}]*[=+\-@＝＋－＠])/gu, '');
    const inOneLine = (name: string) => name.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ');
    assert.deepEqual(at('Track Name').map(undone), names.map(inOneLine));
    assert.deepEqual(at('Album Name').map(undone), names.map(inOneLine));
    assert.deepEqual(
      at('Artist Name(s)').map(undone),
      names.map((name) => {
        const escaped = name.replaceAll(',', '\\,');
        return inOneLine(`Mo Lind, ${escaped}, ${escaped}`);
      }),
    );
    assert.deepEqual(at('Track Name').slice(-harmless.length), harmless);
    assert.deepEqual(new Set(at('Added At')), new Set(['']), 'what is no moment is none');
    assert.deepEqual(new Set(at('Is Playable')), new Set(['false']));
    assert.deepEqual(text.match(/[^\r]\n|\r[^\n]/g), null, 'each line ends as RFC 4180 has it');
  }
});
