/*
 * One stream for all visible tabs of this browser: the tab that holds a lock follows, and passes on what it receives. Hidden tabs take no part.
 * Tabs that have only the bar need only ends of tracks; while another one shows the card, the stream is for all changes.
 */
const checkEveryMs = 5_000;
/** How long the browser takes to release the locks of a page that is left. */
const settleMs = 300;

/**
 * Follows what is playing while this tab is visible. `data`: where and how to follow, from the page. `isBar`: whether the tab has only the bar.
 * `version()` is the version of the latest card with HTML, `latest()` the latest card with its current progress, or null. `onCard` is called
 * with each card, `onStatus` with the connection's status (empty if all is well), and `onEnd` when the sign-in has ended. `follow` is that of
 * follow.js.
 */
export function shareStream({ data, isBar, version, latest, onCard, onStatus, onEnd, follow }) {
  // The channel is for tabs of this sign-in only: one that still shows another listener must not get their updates.
  const name = `turntable now playing ${data.signIn}`;
  /** A lock that each visible tab with the card shares. It is released even if the tab crashes. */
  const cardLock = `${name}: card`;
  const channel = 'BroadcastChannel' in window ? new BroadcastChannel(name) : null;
  let leave = null;
  let stop = null;
  let isHolder = false;
  let isReturning = false;
  let isForBar = isBar;

  const pass = (message) => channel?.postMessage(message);

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

  async function isCardSeen() {
    const { held = [] } = (await navigator.locks?.query()) ?? {};
    return held.some((lock) => lock.name === cardLock);
  }

  /** Begins to follow, or begins again if the stream isn't the one that the visible tabs need. */
  async function adapt() {
    // safeguard: full-stream-for-card
    const forBar = isBar && !(await isCardSeen());
    if (!isHolder || (stop && forBar === isForBar)) return;
    stop?.();
    isForBar = forBar;
    stop = follow({ ...page, isBar: forBar }, isReturning && !isBar);
  }

  function updateVisibility() {
    if (document.hidden) return leave?.();
    if (leave) return;
    const request = new AbortController();
    const { signal } = request;
    const left = new Promise((resolve) => signal.addEventListener('abort', resolve));
    leave = () => {
      leave = null;
      isReturning = true;
      isHolder = false;
      stop?.();
      stop = null;
      request.abort();
    };
    let released = left;
    const hold = async () => {
      isHolder = true;
      // The page with the card that had the stream may be gone without its other lock being released yet.
      // safeguard: one-stream-after-card
      if (isBar && (await isCardSeen())) await new Promise((resolve) => setTimeout(resolve, settleMs));
      adapt();
      return released;
    };
    if (!channel || !navigator.locks) {
      hold();
      return;
    }
    if (!isBar) {
      const share = () => {
        pass({ isCardChanged: true });
        return left;
      };
      const options = { mode: 'shared', signal };
      const hasLeft = () => pass({ isCardChanged: true });
      // The next tab with the stream must not see this one.
      released = navigator.locks.request(cardLock, options, share).then(hasLeft, () => undefined);
    }
    pass({ hello: true });
    navigator.locks.request(name, { signal }, hold).catch(() => undefined);
    // If another tab has the stream, the current state arrives through it.
    if (isReturning && !isBar)
      setTimeout(() => isHolder || fetch(data.poll, { method: 'POST' }).catch(() => undefined), 500);
  }

  channel?.addEventListener('message', ({ data: { card, status, hasEnded, hello, isCardChanged } }) => {
    if (card) onCard(card);
    if (status !== undefined) onStatus(status);
    // A hidden tab finds out when it is shown: by then someone else may have signed in.
    if (hasEnded && !document.hidden) onEnd();
    if (hello && isHolder && latest()) pass({ card: latest() });
    if (isCardChanged) adapt();
  });
  // A tab with the card may have crashed.
  // safeguard: notice-crashed-card
  if (isBar) setInterval(adapt, checkEveryMs);
  addEventListener('pagehide', () => leave?.());
  // The browser has restored the page.
  addEventListener('pageshow', ({ persisted }) => persisted && updateVisibility());
  document.addEventListener('visibilitychange', updateVisibility);
  updateVisibility();
}
