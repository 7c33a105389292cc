import { type ApiVersion, apiVersions } from './api-version.ts';
import { type Disallowed, disallowedIn } from './disallows.ts';
import type { PendingFault } from './faults.ts';
import type { Limit } from './limits.ts';
import type { Listener } from './listeners.ts';
import { avatar, button, escapeHtml, page } from './pages.ts';
import { limitForm, limitProblems } from './panel-limits.ts';
import type { ActivePlayer, PlayerState } from './players.ts';
import type { Call, EndpointSummary, Fault } from './types.ts';

type PanelState = {
  apiVersion: ApiVersion;
  ownerHasPremium: boolean;
  people: readonly Person[];
  /** The effect of the last action. */
  message: string | null;
  limits: readonly Limit[];
  goneEndpoints: ReadonlySet<string>;
  endpoints: readonly EndpointSummary[];
  faults: readonly PendingFault[];
  /** Oldest first. */
  calls: readonly Call[];
  now: number;
};
type Person = { listener: Listener; player: PlayerState; isInvited: boolean };

const maxCallsShown = 100;

/** Returns the control panel as HTML. Parts that can change have an id and `data-live`; panel.js replaces them. */
export function panelPage(state: PanelState): string {
  return page(
    'Control panel',
    `<div class="panel">
<div class="intro">
<h1>Control a simulated Spotify</h1>
<p class="lead">This simulator stands in for Spotify: made-up listeners, made-up music. Change what they play or make something go wrong here, then see how the app reacts. Nothing leaves your computer. The app has its own address: see the terminal where you started it.</p>
</div>
<div class="controls">
<section aria-labelledby="listeners">
<h2 id="listeners">Listeners</h2>
${state.people.map(personBox).join('\n')}
</section>
<section aria-labelledby="spotify-title" id="spotify">
<h2 id="spotify-title">Spotify</h2>
${versionForm(state.apiVersion)}
${limitForm(state.endpoints)}
${faultForm(state.ownerHasPremium)}
</section>
</div>
<div class="results" tabindex="0" role="group" aria-label="Results">
${statusBox(state)}
<section aria-labelledby="calls-title">
<h2 id="calls-title">Calls from the app</h2>
${callTable(state)}
</section>
</div>
</div>`,
    '\n<script src="/panel.js" defer></script>',
  );
}

function statusBox(state: PanelState): string {
  const { message, limits, goneEndpoints, faults, ownerHasPremium, people, now } = state;
  const problems = [
    ...limitProblems(limits, goneEndpoints, now),
    ...faults.map(
      ({ fault, remaining }) => `Next ${remaining === 1 ? 'call' : `${remaining} calls`} ${effectOf(fault)}.`,
    ),
    ...(ownerHasPremium ? [] : ['The app’s owner doesn’t have Premium: every call is refused (403).']),
    ...people
      .filter(({ isInvited }) => !isInvited)
      .map(({ listener }) => `${nameOf(listener)} isn’t invited to the app: their calls are refused (403).`),
  ];
  const content =
    problems.length === 0
      ? '<p>Everything works.</p>'
      : `<ul>\n${problems.map((problem) => `<li>${escapeHtml(problem)}</li>`).join('\n')}\n</ul>`;
  return `<div class="status-box${problems.length === 0 ? '' : ' has-problems'}" id="status" data-live>${message === null ? '' : `<p class="message">${escapeHtml(message)}</p>`}${content}</div>`;
}

function effectOf({ answer, delayMs, how }: Fault): string {
  if (how) return `will get a broken response (${how})`;
  return answer ? `will fail with ${answer.status}` : `will be delayed by ${(delayMs ?? 0) / 1000} s`;
}

function personBox({ listener, player, isInvited }: Person): string {
  const { id, about, product } = listener;
  const active = player.kind === 'nothing' ? null : player;
  const disallowed: readonly Disallowed[] = active ? disallowedIn(active) : ['pausing', 'skipping_next'];
  const pauseOrResume =
    active?.isPlaying === false
      ? button('resume', 'Resume', { owner: id, slot: 'pause', disabled: disallowed.includes('resuming') })
      : button('pause', 'Pause', { owner: id, slot: 'pause', disabled: disallowed.includes('pausing') });
  return `<article class="box" id="${id}" aria-labelledby="${id}-name">
<div class="head">
${avatar(listener)}
<div class="person"><h3 id="${id}-name">${escapeHtml(nameOf(listener))}</h3><p class="about">${escapeHtml(about)}</p></div>
</div>
<p class="playing" id="${id}-playing" data-live>${nowPlaying(active)}</p>
<form method="post" class="rows" id="${id}-form" data-live>
<input type="hidden" name="listener" value="${id}">
<div class="row">
<span class="label">Play</span>
${playButtons.map(([kind, text]) => button(`play-${kind}`, text, { owner: id })).join('\n')}
</div>
<div class="row">
${pauseOrResume}
${button('skip', 'Skip', { owner: id, disabled: disallowed.includes('skipping_next') })}
</div>
<div class="row">
<span class="label">${product === 'free' ? 'Free' : 'Premium'} account, ${isInvited ? 'invited' : 'not invited'} to the app</span>
${product === 'free' ? button('switch-to-premium', 'Switch to Premium', { owner: id, slot: 'product' }) : button('switch-to-free', 'Switch to Free', { owner: id, slot: 'product' })}
${isInvited ? button('uninvite', 'Remove invitation', { owner: id, slot: 'invited' }) : button('invite', 'Invite to the app', { owner: id, slot: 'invited' })}
</div>
</form>
</article>`;
}

const playButtons = [
  ['music', 'Music'],
  ['episode', 'Podcast'],
  ['ad', 'Ad break'],
  ['local', 'Local file'],
  ['private', 'Private session'],
  ['nothing', 'Nothing'],
] as const;

function nowPlaying(player: ActivePlayer | null): string {
  if (!player) return '<span class="details">Nothing is playing</span>';
  const { item, isPlaying, isPrivate, device, kind } = player;
  const cover = item?.kind === 'track' ? item.album.id : item?.kind === 'episode' ? item.show.id : null;
  const by =
    item?.kind === 'track'
      ? item.artists.map(({ name }) => name).join(', ')
      : item?.kind === 'episode'
        ? item.show.name
        : item?.artist;
  const title = item ? item.name || 'No name' : kind === 'ad' ? 'Ad break' : 'Unknown item';
  const where = [
    isPlaying ? `on ${device.name}` : `paused on ${device.name}`,
    ...(isPrivate ? ['private session'] : []),
  ];
  return `${cover ? `<img src="/covers/64/${cover}.svg" alt="" width="48" height="48">` : ''}<span class="details"><strong dir="auto">${escapeHtml(title)}</strong> ${by ? `<span dir="auto">${escapeHtml(by)}</span> ` : ''}<span class="where">${escapeHtml(where.join(', '))}</span></span>`;
}

function versionForm(current: ApiVersion): string {
  const choices = apiVersions.map(
    (one) =>
      `<label><input type="radio" name="apiVersion" value="${one}"${one === current ? ' checked' : ''}> ${escapeHtml(versionLabels[one])}</label>`,
  );
  return `<div class="box">
<form method="post" action="/api-version" id="api-version" data-live>
<fieldset class="choices">
<legend>API version</legend>
${choices.join('\n')}
</fieldset>
<button type="submit" id="apply-api-version">Apply</button>
</form>
</div>`;
}

const versionLabels: Record<ApiVersion, string> = {
  '2026-02': '2026-02: for new apps (Development Mode)',
  both: 'Both: for apps with extended quota',
  legacy: 'Legacy: before February 2026',
};

function faultForm(ownerHasPremium: boolean): string {
  return `<form method="post" class="box rows" id="faults" data-live>
<div class="row">
<h3>Sign-ins</h3>
<p class="hint">The app refreshes expired access tokens by itself. After either of the other two, people have to sign in again.</p>
${button('expire-access-tokens', 'Expire access tokens')}
${button('expire-consents', 'Expire sign-ins (six months)')}
${button('revoke-grants', 'Remove the app from all accounts')}
</div>
<div class="row">
<h3>Failures</h3>
<p class="hint">Without the owner’s Premium account, the app stops working for everyone.</p>
${button('delay-calls', 'Delay 5 calls by 2 seconds')}
${button('fail-calls', 'Fail 3 calls with 502')}
${ownerHasPremium ? button('remove-owner-premium', 'Remove the owner’s Premium', { slot: 'owner' }) : button('restore-owner-premium', 'Restore the owner’s Premium', { slot: 'owner' })}
</div>
<div class="row">
${button('clear-faults', 'Clear all faults', { isPrimary: true })}
</div>
</form>`;
}

function callTable({ calls, people }: PanelState): string {
  const names = new Map(people.map(({ listener }) => [listener.id, nameOf(listener)]));
  const newest = calls.slice(-maxCallsShown).reverse();
  if (newest.length === 0) return '<p class="empty-state" id="calls" data-live>No calls yet.</p>';
  return `<table id="calls" data-live>
<thead><tr><th scope="col">UTC</th><th scope="col">Service</th><th scope="col">Call</th><th scope="col">Status</th><th scope="col">Listener</th></tr></thead>
<tbody>
${newest.map((call) => callRow(call, names)).join('\n')}
</tbody>
</table>`;
}

function callRow(call: Call, names: ReadonlyMap<string, string>): string {
  const { at, service, method, path, query, grantType, status, listenerId } = call;
  const params = Object.entries(query).map(([name, value]) => `${name}=${value}`);
  const text = grantType ? ` ${grantType}` : params.length > 0 ? `?${params.join('&')}` : '';
  const details = escapeHtml(text);
  const result = status === 0 || status >= 500 ? 'failed' : status >= 400 ? 'refused' : 'successful';
  const time = new Date(at).toISOString();
  return `<tr><td class="time"><time datetime="${time}">${time.slice(11, 19)}</time></td><td class="service">${service}</td><td class="call"><span class="method">${escapeHtml(method)}</span> ${escapeHtml(path)}<span class="query" title="${details}">${details.replaceAll(/&amp;|,/g, '$&<wbr>')}</span></td><td class="status ${result}">${status || 'none'}</td><td class="listener-name">${escapeHtml(names.get(listenerId ?? '') ?? '–')}</td></tr>`;
}

function nameOf({ id, name }: Listener): string {
  return name ?? id;
}
