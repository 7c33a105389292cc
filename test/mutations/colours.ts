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
    safeguard: 'download-size-limit',
    from: 'maxContentLength: maxBytes, ',
    to: '',
    test: 'test/web/cover-colours',
    named: 'costs nothing but the colour',
  },
  {
    what: 'the deadline of a cover',
    safeguard: 'download-deadline',
    from: 'signal: AbortSignal.timeout(deadlineMs)',
    to: '',
    test: 'test/web/cover-colours',
    named: 'costs nothing but the colour',
  },
  {
    what: 'decoding small covers only',
    safeguard: 'small-covers-only',
    from: 'maxResolutionInMP: maxMegapixels, ',
    to: '',
    test: 'test/web/cover-colours',
    named: 'costs nothing but the colour',
  },
  {
    what: 'not decoding progressive covers',
    safeguard: 'no-progressive-covers',
    from: 'if (image.includes(progressiveMarker)) return null;',
    to: '',
    test: 'test/web/cover-colours',
    named: 'costs nothing but the colour',
  },
  {
    what: 'the colour of the next track after its card',
    safeguard: 'colour-after-card',
    from: "stream.send('card', { html: null, colour: found, ...later });",
    to: '',
    test: 'test/browser/colours',
    named: 'the page takes on the colour of the next track',
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
