import { notFound } from './api-error.ts';
import { type Family, families } from './families.ts';
import type { Limit, Limits } from './limits.ts';
import { button, escapeHtml, formatDuration } from './pages.ts';
import type { EndpointSummary, Settings } from './types.ts';

/*
 * The part of the control panel that makes Spotify answer 429.
 */

/** The effect of a button. Throws `ApiError` if the form names something that doesn't exist. */
export type Action = (form: URLSearchParams) => void;

const labels: Record<Family, string> = {
  'player-read': 'Read the player',
  'player-write': 'Player commands',
  me: 'Profile',
  lists: 'Lists of a listener',
  'playlist-read': 'Read playlists',
  'playlist-write': 'Change playlists',
  'library-write': 'Save and remove',
  search: 'Search',
  catalogue: 'Catalog',
  images: 'Playlist covers',
};
const bodies = ['json', 'text'] as const;

/** Returns the actions of the form for limits, by the path that their buttons post to. `onReset` is called after limits are reset. */
export function createLimitActions({
  settings,
  limits,
  endpoints,
  onReset,
}: {
  settings: Settings;
  limits: Limits;
  endpoints: readonly EndpointSummary[];
  onReset: () => void;
}): Record<string, Action> {
  const limitCalls =
    (seconds: number, { quota }: { quota: boolean }): Action =>
    (form) => {
      const family = chosen(form, 'family', families);
      const body = chosen(form, 'body', bodies);
      limits.rateLimit(seconds, {
        quota,
        retryAfter: !form.has('without-retry-after'),
        ...(body && { body }),
        ...(family && { families: [family] }),
      });
    };

  return {
    '/panel/rate-limit-10s': limitCalls(10, { quota: false }),
    '/panel/rate-limit-6h': limitCalls(6 * 3600, { quota: false }),
    '/panel/exhaust-quota': limitCalls(6 * 3600, { quota: true }),
    '/panel/remove-endpoint'(form) {
      const endpoint = endpoints.find((one) => one.endpoint === form.get('endpoint'));
      if (!endpoint) throw notFound();
      settings.goneEndpoints.add(endpoint.endpoint);
    },
    '/panel/reset-limits'() {
      limits.reset();
      onReset();
    },
  };
}

/** Returns null if the form has no such field, or an empty one. Throws if it has another value than these. */
function chosen<T extends string>(form: URLSearchParams, name: string, values: readonly T[]): T | null {
  const text = form.get(name);
  if (!text) return null;
  const value = values.find((one) => one === text);
  if (!value) throw notFound();
  return value;
}

export function limitForm(endpoints: readonly EndpointSummary[]): string {
  const familyOptions = families.map((family) => [family, `${labels[family]} (${family})`] as const);
  const endpointOptions = endpoints.map(({ endpoint }) => [endpoint, endpoint] as const);
  return `<form method="post" class="box rows" id="limits">
<div class="row">
<h3>Limits</h3>
<p class="hint">Spotify answers 429 to these calls. An exhausted quota lasts six hours and also blocks the calls that share its limit. Reset the limits between tries: an app may conclude that calls refused together share a limit.</p>
${select('family', 'Calls', [['', 'Every call'], ...familyOptions])}
${select('body', 'Body', [
  ['', 'Usual: text for a rate limit, JSON for a quota'],
  ['json', 'JSON'],
  ['text', 'Plain text (no reason given)'],
])}
<label class="field"><input type="checkbox" name="without-retry-after"> Without Retry-After</label>
</div>
<div class="row">
${button('rate-limit-10s', 'Rate limit for 10 seconds')}
${button('rate-limit-6h', 'Rate limit for 6 hours')}
${button('exhaust-quota', 'Exhaust the quota')}
</div>
<div class="row">
<p class="hint">Some endpoints that Spotify has removed answer 429 to every call.</p>
${select('endpoint', 'Endpoint', endpointOptions)}
${button('remove-endpoint', 'Remove endpoint')}
</div>
<div class="row">
${button('reset-limits', 'Reset limits', { isPrimary: true })}
</div>
</form>`;
}

function select(name: string, label: string, options: readonly (readonly [string, string])[]): string {
  const list = options.map(
    ([value, text]) => `<option value="${escapeHtml(value)}">${escapeHtml(text)}</option>`,
  );
  return `<label class="field">${label} <select name="${name}">${list.join('')}</select></label>`;
}

/** Returns sentences about active limits and removed endpoints, for the status box. */
export function limitProblems(limits: readonly Limit[], gone: Iterable<string>, now: number): string[] {
  return [
    ...limits.map(({ families, until, refusal }) => {
      const what = refusal.quota ? 'Quota exhausted' : 'Rate limit';
      const scope = families ? ` for ${families.join(', ')}: these calls are` : ': every call is';
      return `${what}${scope} refused (429) for another ${formatDuration(until - now)}.`;
    }),
    ...[...gone].map((endpoint) => `${endpoint} is gone: every call to it is refused (429).`),
  ];
}
