import type { Mutation } from './mutation.ts';

/** The wall. */
export const mutations: Mutation[] = [
  {
    what: 'the wall of this sign-in only',
    safeguard: 'wall-of-same-sign-in',
    from: 'requireSameSignIn(req, listener);',
    to: '',
    test: 'test/pages/wall',
    named: 'someone who is signed in',
  },
  {
    what: 'the wall from a process without a stream of the listener',
    safeguard: 'wall-in-any-process',
    from: "fetchSubscriptions.extend(accountId, req.session.id, subscribedMs, 'everything');",
    to: '',
    test: 'test/pages/wall',
    named: 'its part none',
  },
  {
    what: 'waiting for a state of the wall that is as new as the update',
    safeguard: 'no-older-wall',
    from: 'part.askedAt >= card.askedAt',
    to: 'true',
    test: 'test/browser/wall',
    named: 'an older state',
  },
  {
    what: 'dropping a state of the wall that arrives after a newer one',
    safeguard: 'latest-wall-only',
    from: 'if (mine === loads) show(content, card);',
    to: 'show(content, card);',
    test: 'test/browser/wall',
    named: 'arrives after a newer',
  },
  {
    what: 'what’s up next on the wall: of this sign-in only',
    safeguard: 'wall-queue-of-this-sign-in',
    from: 'next?.signIn !== dataset.signIn',
    to: 'false',
    test: 'test/browser/wall',
    named: 'another sign-in',
  },
  {
    what: 'what’s up next on the wall: while it is seen only',
    safeguard: 'wall-queue-while-seen',
    from: '|| document.hidden ',
    to: '',
    test: 'test/browser/wall',
    named: 'asked for once for each list',
  },
  {
    what: 'what’s up next on the wall: one call for each list',
    safeguard: 'wall-queue-once-per-list',
    from: 'next?.context !== context',
    to: 'true',
    test: 'test/browser/wall',
    named: 'asked for once for each list',
  },
  {
    what: 'what’s up next on the wall: nothing that may have changed',
    safeguard: 'no-outdated-wall-queue',
    from: 'index === -1 ? [] : ',
    to: '',
    test: 'test/browser/wall',
    named: 'shuffle changes',
  },
];
