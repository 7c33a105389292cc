import type { ApiVersion, Call, Fault } from './control.ts';
import { apiVersions } from './control.ts';
import type { Listener } from './listeners.ts';
import { escaped, face, page } from './pages.ts';
import { type Disallowed, disallowed, type Moment, type Shown } from './playback.ts';

type State = {
  apiVersion: ApiVersion;
  ownerHasPremium: boolean;
  people: readonly Person[];
  /** What was done just now. */
  said: string | null;
  closed: { until: number; quota: boolean } | null;
  faults: readonly { fault: Fault; left: number }[];
  /** Oldest first. */
  calls: readonly Call[];
  now: number;
};
type Person = { listener: Listener; moment: Moment; invited: boolean };

/** So many of the newest calls are shown. */
const mostCalls = 100;

/** Parts that change by themselves have an id and `data-live`; the script puts newer ones in their place. */
export function panelPage(state: State): string {
  return page(
    'Simulator',
    `<div class="panel">
<div class="intro">
<h1>A Spotify to practise with</h1>
<p class="lead">This address plays the part of Spotify: it signs made-up listeners in and answers for their made-up music. Nothing here leaves your computer. The app itself is not here; its address stands in the terminal where you started it.</p>
</div>
<div class="controls">
<section aria-labelledby="listeners">
<h2 id="listeners">Listeners</h2>
${state.people.map(person).join('\n')}
</section>
<section aria-labelledby="spotify-title" id="spotify">
<h2 id="spotify-title">Spotify</h2>
${spotify(state)}
</section>
</div>
<div class="outcome" tabindex="0" role="group" aria-label="What comes of it">
${trouble(state)}
<section aria-labelledby="asked">
<h2 id="asked">What the app asked</h2>
${callList(state)}
</section>
</div>
</div>`,
    '\n<script src="/panel.js" defer></script>',
  );
}

function trouble({ said, closed, faults, ownerHasPremium, people, now }: State): string {
  const notes = [
    ...(closed
      ? [
          `${closed.quota ? 'The quota is used up' : 'The rate limit is reached'}: every call is turned away for another ${waiting(closed.until - now)}.`,
        ]
      : []),
    ...faults.map(
      ({ fault, left }) => `The next ${left === 1 ? 'call' : `${left} calls`}: ${effect(fault)}.`,
    ),
    ...(ownerHasPremium ? [] : ['The owner of the app has no Premium: every call is refused.']),
    ...people
      .filter(({ invited }) => !invited)
      .map(({ listener }) => `${nameOf(listener)} is not on the app’s list: their calls are refused.`),
  ];
  const text =
    notes.length === 0
      ? '<p>Everything works.</p>'
      : `<ul>\n${notes.map((note) => `<li>${escaped(note)}</li>`).join('\n')}\n</ul>`;
  return `<div class="trouble${notes.length === 0 ? '' : ' some'}" id="trouble" data-live>${said === null ? '' : `<p class="said">${escaped(said)}</p>`}${text}</div>`;
}

function waiting(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds <= 90) return `${seconds} s`;
  const minutes = Math.ceil(seconds / 60);
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  return [hours && `${hours} h`, rest && `${rest} min`].filter(Boolean).join(' ');
}

function effect({ answer, delayMs, how }: Fault): string {
  if (how) return `a broken answer (${how})`;
  return answer ? `answered with ${answer.status}` : `answered after ${(delayMs ?? 0) / 1000} s`;
}

function person({ listener, moment, invited }: Person): string {
  const { id, about, product } = listener;
  const shown = moment.kind === 'nothing' ? null : moment;
  const not: readonly Disallowed[] = shown ? disallowed(shown) : ['pausing', 'skipping_next'];
  const isPaused = shown?.isPlaying === false;
  return `<article class="box" id="${id}" aria-labelledby="${id}-name">
<div class="head">
${face(listener)}
<div class="who"><h3 id="${id}-name">${escaped(nameOf(listener))}</h3><p class="about">${escaped(about)}</p></div>
</div>
<p class="playing" id="${id}-playing" data-live>${playing(shown)}</p>
<form method="post" class="rows" id="${id}-form" data-live>
<input type="hidden" name="listener" value="${id}">
<div class="row">
<span class="label">Put on</span>
${programme.map(([what, words]) => button(`play-${what}`, words, { at: id })).join('\n')}
</div>
<div class="row">
${isPaused ? button('resume', 'Go on', { at: id, place: 'hold', idle: not.includes('resuming') }) : button('pause', 'Pause', { at: id, place: 'hold', idle: not.includes('pausing') })}
${button('skip', 'Skip', { at: id, idle: not.includes('skipping_next') })}
</div>
<div class="row">
<span class="label">${product === 'free' ? 'Free' : 'Premium'} account, ${invited ? 'on' : 'not on'} the app’s list</span>
${product === 'free' ? button('go-premium', 'Go Premium', { at: id, place: 'account' }) : button('go-free', 'Go Free', { at: id, place: 'account' })}
${invited ? button('disinvite', 'Take off the list', { at: id, place: 'list' }) : button('invite', 'Put on the list', { at: id, place: 'list' })}
</div>
</form>
</article>`;
}

const programme = [
  ['music', 'Music'],
  ['episode', 'A podcast'],
  ['ad', 'An advertisement'],
  ['local', 'A local file'],
  ['private', 'A private session'],
  ['nothing', 'Nothing'],
] as const;

/**
 * A button of a form. Those that take each other's place have a `place` in common, so that the focus goes from one to the other;
 * `idle` ones would do nothing.
 */
function button(
  act: string,
  words: string,
  {
    at = 'spotify',
    place = act,
    idle = false,
    look = '',
  }: { at?: string; place?: string; idle?: boolean; look?: string } = {},
): string {
  return `<button type="submit" id="${at}-${place}" formaction="/panel/${act}"${look && ` class="${look}"`}${idle ? ' disabled' : ''}>${escaped(words)}</button>`;
}

function playing(moment: Shown | null): string {
  if (!moment) return '<span class="what">Nothing is playing</span>';
  const { what, isPlaying, isPrivate, device, kind } = moment;
  const cover = what?.kind === 'track' ? what.album.id : what?.kind === 'episode' ? what.show.id : null;
  const by =
    what?.kind === 'track'
      ? what.artists.map(({ name }) => name).join(', ')
      : what?.kind === 'episode'
        ? what.show.name
        : what?.artist;
  const title = what ? what.name || 'No name' : kind === 'ad' ? 'An advertisement' : 'Something unknown';
  const where = [
    isPlaying ? `on ${device.name}` : `paused on ${device.name}`,
    ...(isPrivate ? ['in private'] : []),
  ];
  return `${cover ? `<img src="/covers/64/${cover}.svg" alt="" width="48" height="48">` : ''}<span class="what"><strong dir="auto">${escaped(title)}</strong> ${by ? `<span dir="auto">${escaped(by)}</span> ` : ''}<span class="where">${escaped(where.join(', '))}</span></span>`;
}

function spotify({ apiVersion, ownerHasPremium }: State): string {
  const choices = apiVersions.map(
    (one) =>
      `<label><input type="radio" name="apiVersion" value="${one}"${one === apiVersion ? ' checked' : ''}> ${escaped(apiVersionWords[one])}</label>`,
  );
  return `<div class="box">
<form method="post" action="/api-version" id="api-version" data-live>
<fieldset class="choices">
<legend>Web API version</legend>
${choices.join('\n')}
</fieldset>
<button type="submit" id="speak">Speak it</button>
</form>
</div>
<form method="post" class="box rows" id="faults" data-live>
<div class="row">
<h3>Sign-ins</h3>
${button('expire-tokens', 'Expire all access tokens')}
${button('revoke-grants', 'Remove the app from all accounts')}
${button('end-six-months', 'Let six months go by')}
</div>
<div class="row">
<h3>Limits</h3>
${button('limit-briefly', 'Rate limit for 10 s')}
${button('limit-for-hours', 'Rate limit for 6 h')}
${button('exceed-quota', 'Use the quota up')}
</div>
<div class="row">
<h3>Bad days</h3>
${button('answer-slowly', 'Answer 5 calls after 2 s')}
${button('fail', 'Fail 3 calls with 502')}
${ownerHasPremium ? button('take-premium', 'Take the owner’s Premium away', { place: 'owner' }) : button('give-premium', 'Give the owner Premium back', { place: 'owner' })}
</div>
<div class="row">
${button('clear-faults', 'Clear all faults', { look: 'agree' })}
</div>
</form>`;
}

const apiVersionWords: Record<ApiVersion, string> = {
  '2026-02': 'Development: the names of 2026 only, as new apps get them',
  both: 'Extended: the names of 2026 beside the classic ones',
  legacy: 'Old: the classic names only',
};

function callList({ calls, people }: State): string {
  const names = new Map(people.map(({ listener }) => [listener.id, nameOf(listener)]));
  const newest = calls.slice(-mostCalls).reverse();
  if (newest.length === 0) return '<p class="none" id="calls" data-live>Nothing yet.</p>';
  return `<table id="calls" data-live>
<thead><tr><th scope="col">UTC</th><th scope="col">Service</th><th scope="col">Call</th><th scope="col">Status</th><th scope="col">Listener</th></tr></thead>
<tbody>
${newest.map((call) => row(call, names)).join('\n')}
</tbody>
</table>`;
}

function row(call: Call, names: ReadonlyMap<string, string>): string {
  const { at, service, method, path, query, grantType, status, listenerId } = call;
  const asked = Object.entries(query).map(([name, value]) => `${name}=${value}`);
  const more = grantType ? ` ${grantType}` : asked.length > 0 ? `?${asked.join('&')}` : '';
  const how = status === 0 || status >= 500 ? 'bad' : status >= 400 ? 'refused' : 'good';
  const time = new Date(at).toISOString();
  return `<tr><td class="time"><time datetime="${time}">${time.slice(11, 19)}</time></td><td class="service">${service}</td><td class="call"><span class="method">${escaped(method)}</span> ${escaped(path)}<wbr><span class="query">${escaped(more)}</span></td><td class="status ${how}">${status || 'none'}</td><td class="listener-name">${escaped(names.get(listenerId ?? '') ?? '–')}</td></tr>`;
}

function nameOf({ id, name }: Listener): string {
  return name ?? id;
}
