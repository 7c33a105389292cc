import type { Mutation } from './mutation.ts';

/** The colour that pages take on from a cover. */
export const mutations: Mutation[] = [
  {
    what: 'downloading covers from the hosts of covers only',
    safeguard: 'covers-from-spotify-only',
    from: 'image === null ? null : download(image)',
    to: 'download(image ?? url)',
    test: 'test/web/cover-colours',
    named: 'covers are downloaded from the hosts of covers only',
  },
  {
    what: 'not following a redirect of a cover',
    safeguard: 'downloads-without-redirects',
    from: 'maxRedirects: 0, ',
    to: '',
    test: 'test/web/cover-colours',
    named: 'covers are downloaded from the hosts of covers only',
  },
  {
    what: 'the size limit of a cover',
    safeguard: 'download-limits',
    from: 'maxContentLength: maxBytes, ',
    to: '',
    test: 'test/web/cover-colours',
    named: 'a page has no colour if its cover is too large',
  },
  {
    what: 'the page not waiting for a slow cover',
    safeguard: 'colour-timeout',
    from: 'Promise.race([found, timeout])',
    to: 'Promise.race([found])',
    test: 'test/web/cover-colours',
    named: 'a page has no colour if its cover is too large',
  },
  {
    what: 'ignoring nearly black pixels',
    safeguard: 'visible-colours-only',
    from: 'c < muted || l < darkest || ',
    to: 'c < muted || ',
    test: 'test/web/cover-colours',
    named: 'what is nearly black has no colour',
  },
];
