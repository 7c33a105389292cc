import type { Mutation } from './mutation.ts';

/** Files: their formats, and the jobs that make long ones. */
export const mutations: Mutation[] = [
  {
    what: 'escaping commas in the names of artists',
    safeguard: 'escape-commas-in-names',
    from: "name.replaceAll(',', '\\\\,')",
    to: 'name',
    test: 'test/pages/export-formats',
    named: 'survive a table',
  },
  {
    what: 'the separator that Excel expects',
    safeguard: 'excel-delimiter',
    from: "decimalSign === '.' ? ',' : ';'",
    to: "','",
    test: 'test/pages/export-formats',
    named: 'for Excel',
  },
  {
    what: 'keeping names in M3U8 on one line',
    safeguard: 'one-line-names-in-m3u8',
    from: "text.toWellFormed().replace(breaks, ' ')",
    to: 'text',
    test: 'test/pages/export-formats',
    named: 'still one line of M3U8',
  },
  {
    what: 'unique names in a ZIP',
    safeguard: 'unique-names-in-zip',
    from: 'if (used.has(name.toLowerCase())) continue;',
    to: '',
    test: 'test/pages/export-formats',
    named: 'with the same name',
  },
  {
    what: 'comparing the first page of a list at the end of its export',
    safeguard: 'snapshot-of-first-page',
    from: 'JSON.stringify([total, rows])',
    to: 'JSON.stringify([total])',
    test: 'test/pages/export-formats',
    named: 'saved during the export',
  },
  {
    what: 'the trailers of a long file',
    safeguard: 'facts-of-long-files',
    from: 'res.addTrailers(file.facts(true));',
    to: '',
    test: 'test/pages/exports-go-on',
    named: 'takes too long begins',
  },
];
