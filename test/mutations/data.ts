import type { Mutation } from './mutation.ts';

export const mutations: Mutation[] = [
  {
    what: 'the check of ids in addresses, before anything is asked',
    file: 'src/web/named.ts',
    from: "isId(id) ? undefined : new NoSuchPage('Not a Spotify id')",
    to: '',
    test: 'addresses',
  },
  {
    what: 'the check of commands before the sign-in',
    file: 'src/pages/player/player.ts',
    from: "isCommand(command) ? undefined : new NoSuchPage('No such command')",
    to: '',
    test: 'addresses',
  },
  {
    what: 'a 404 for a URI that cannot exist',
    file: 'src/web/named.ts',
    from: '{ ...problem, status: 404 }',
    to: 'problem',
    test: 'addresses',
  },
  {
    what: 'reading "Invalid base62 id" as not found',
    file: 'src/spotify/web-api.ts',
    from: '/invalid (base62 )?id|non-existing id/i.test(text)',
    to: 'false',
    test: 'addresses',
  },
  {
    what: 'the encoding of path segments',
    file: 'src/spotify/uri.ts',
    from: 'encodeURIComponent(one.toWellFormed())',
    to: 'one',
    test: 'addresses',
  },
  {
    what: 'refusing dotted path segments',
    file: 'src/spotify/uri.ts',
    from: 'if (segments.some((one) => /^\\.{0,2}$/.test(one)))',
    to: 'if (false)',
    test: 'addresses',
  },
  {
    what: 'dropping ids of playlists that are none',
    file: 'src/spotify/answers.ts',
    from: 'id: isId(json.id) ? json.id : null,',
    to: 'id: text(json.id),',
    test: 'addresses',
  },
  {
    what: 'dropping ids of devices that are none',
    file: 'src/spotify/answers.ts',
    from: 'id: isDeviceId(json.id) ? json.id : null,',
    to: 'id: text(json.id) || null,',
    test: 'addresses',
  },
];
