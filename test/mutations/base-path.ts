import type { Mutation } from './mutation.ts';

/* A path in BASE_URL. */

export const mutations: Mutation[] = [
  {
    what: 'ending the path of BASE_URL at a slash',
    safeguard: 'base-path-ends-at-a-slash',
    from: "rest.startsWith('/') ? rest : null",
    to: 'rest || null',
    test: 'test/web/base-path',
    named: 'outside the path|pages below the path only',
  },
  {
    what: 'returning after a sign-in to pages below the path of BASE_URL only',
    safeguard: 'return-within-base-path',
    from: 'pathWithin(url.pathname) === null ||',
    to: '',
    test: 'test/web/base-path',
    named: 'pages below the path only',
  },
  {
    what: 'sending cookies below the path of BASE_URL only',
    safeguard: 'cookies-within-base-path',
    from: "const path = basePathOf(baseUrl) || '/';",
    to: "const path = '/';",
    test: 'test/web/base-path',
    named: 'cookies are sent',
  },
  {
    what: 'refusing paths in BASE_URL that programs could understand differently',
    safeguard: 'plain-base-path',
    from: 'const isPlain = /^(\\/[\\w.~-]+)*$/.test(path) && !/\\/\\.+(\\/|$)/.test(path);',
    to: 'const isPlain = true;',
    test: 'test/settings/config',
    named: 'could understand in different ways',
  },
  {
    what: 'saying where the site is outside of the path of BASE_URL',
    safeguard: 'nothing-outside-base-path',
    from: 'throw new OutsideBasePath',
    to: 'return next(); new OutsideBasePath',
    test: 'test/web/base-path',
    named: 'outside the path',
  },
];
