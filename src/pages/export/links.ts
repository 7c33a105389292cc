import { routes } from '../../routes.ts';
import { contentsOf } from './lists.ts';
import { exportPage } from './requests.ts';

type Query = NonNullable<Parameters<typeof routes.exportAllFile>[1]>;

/** The files of an export that its page offers. Tables come first, because everyone can open them. */
export type Links = {
  page: string;
  /** The URL of a file. */
  file: (format: string, query?: Query) => string;
  /** Each with a few words on what it is for. */
  formats: readonly { label: string; use: string; format: string; query?: Query }[];
};

const table = {
  label: 'CSV',
  use: 'for spreadsheets, and for programs that read Exportify’s files',
  format: 'csv',
};
const excel = {
  label: 'CSV for Excel',
  use: 'opens in Excel with a double-click',
  format: 'csv',
  query: { for: 'excel' },
};
const json = { label: 'JSON', use: 'with everything, for programs', format: 'json' };
const ofOneList = [
  {
    label: 'CSV for Soundiiz',
    use: 'to move it to another service',
    format: 'csv',
    query: { for: 'soundiiz' },
  },
  { label: 'JSPF', use: 'for ListenBrainz and other open tools', format: 'jspf' },
  { label: 'M3U8', use: 'for players', format: 'm3u8' },
];
const ofAll = [
  { label: 'ZIP of CSV', use: 'a table for each playlist', format: 'zip' },
  { label: 'ZIP of JSON', use: 'a file for each playlist', format: 'zip', query: { of: 'json' } },
  { label: 'ZIP of JSPF', use: 'a file for each playlist', format: 'zip', query: { of: 'jspf' } },
  { label: 'ZIP of M3U8', use: 'a file for each playlist', format: 'zip', query: { of: 'm3u8' } },
];

/** Returns the links on the page of an export. `same`: what the URLs of the page and of all its files have in common. */
export function linksFor(exportId: string, same: { range?: string }): Links {
  return {
    page: exportPage(exportId, same),
    file: (format, query) => fileUrl(exportId, format, { ...same, ...query }),
    formats: [table, json, excel, ...furtherFormats(exportId)],
  };
}

function furtherFormats(exportId: string): Links['formats'] {
  if (exportId === 'all') return ofAll;
  const [, list] = /^library\/(.+)$/.exec(exportId) ?? [];
  return list === undefined || contentsOf(list) === 'items' ? ofOneList : [];
}

function fileUrl(exportId: string, format: string, query: Query = {}): string {
  if (exportId === 'all') return routes.exportAllFile(format, query);
  if (exportId === 'library/tracks') return routes.exportSavedTracksFile(format, query);
  const [, list] = /^library\/(.+)$/.exec(exportId) ?? [];
  return list === undefined
    ? routes.exportOneFile(exportId, format, query)
    : routes.exportListFile(list, format, query);
}
