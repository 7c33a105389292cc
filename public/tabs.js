/*
 * One stream for all visible tabs of this browser: the tab that holds a lock follows, and passes on what it receives. Hidden tabs take no part.
 * A tab that has only the bar needs to be told of ends of tracks only; while another one shows everything, the stream is for that.
 */

/**
 * Follows what is playing while this tab is visible. `data`: where and how to follow, from the page. `isBar`: whether the tab has only the bar.
 * `version()` is the version of the card on the page, `latest()` the latest card with its current progress, or null. `onCard` is called with each
 * card, `onStatus` with the connection's status (empty if all is well), and `onEnd` when the sign-in has ended. `follow` is that of follow.js.
 */
export function shareStream({ data, isBar, version, latest, onCard, onStatus, onEnd, follow }) {
  // The channel is for tabs of this sign-in only: one that still shows another listener must not get their updates.
  const name = `turntable now playing ${data.signIn}`;
  const channel = 'BroadcastChannel' in window ? new BroadcastChannel(name) : null;
  const id = crypto.randomUUID();
  /** Visible tabs that show everything, as far as this tab knows. */
  const others = new Set();
  let stopFollowing = null;
  let stop = null;
  let isHolder = false;
  let isReturning = false;
  let isForBar = isBar;

  const pass = (message) => channel?.postMessage(message);
  const announce = () => isBar || pass({ shows: id });

  const page = {
    data,
    version,
    report(text) {
      onStatus(text);
      pass({ status: text });
    },
    onCard(card) {
      onCard(card);
      pass({ card });
    },
    onEnd() {
      pass({ hasEnded: true });
      onEnd();
    },
  };

  function begin() {
    isForBar = isBar && others.size === 0;
    stop = follow({ ...page, isBar: isForBar }, isReturning && !isBar);
  }

  /** Begins again if the stream isn't the one that the visible tabs need. */
  function adapt() {
    if (!isHolder || isForBar === (isBar && others.size === 0)) return;
    stop();
    begin();
  }

  function updateVisibility() {
    if (document.hidden) return leave();
    if (stopFollowing) return;
    const request = new AbortController();
    let release = () => undefined;
    stopFollowing = () => {
      request.abort();
      if (isHolder) stop();
      isHolder = false;
      release();
    };
    const hold = () =>
      new Promise((resolve) => {
        release = resolve;
        isHolder = true;
        pass({ isAsking: true });
        begin();
      });
    if (!channel || !navigator.locks) {
      hold();
      return;
    }
    pass({ hello: true });
    announce();
    navigator.locks.request(name, { signal: request.signal }, hold).catch(() => undefined);
    // If another tab has the stream, the current state arrives through it.
    if (isReturning && !isBar)
      setTimeout(() => isHolder || fetch(data.poll, { method: 'POST' }).catch(() => undefined), 500);
  }

  function leave() {
    isReturning = true;
    stopFollowing?.();
    stopFollowing = null;
    others.clear();
    if (!isBar) pass({ hides: id });
  }

  channel?.addEventListener('message', ({ data: message }) => {
    const { card, status, hasEnded, hello, isAsking, shows, hides } = message;
    if (card) onCard(card);
    if (status !== undefined) onStatus(status);
    if (hasEnded) onEnd();
    if (hello && isHolder && latest()) pass({ card: latest() });
    if (isAsking && stopFollowing) announce();
    // safeguard: full-stream-for-card
    if (shows) others.add(shows);
    if (hides) others.delete(hides);
    adapt();
  });
  addEventListener('pagehide', leave);
  document.addEventListener('visibilitychange', updateVisibility);
  updateVisibility();
}
