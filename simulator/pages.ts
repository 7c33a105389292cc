import { type Listener, listeners } from './listeners.ts';
import { scopeDescriptions } from './scopes.ts';

/**
 * Returns a page in the layout that all share, which starts by saying that this isn't Spotify. `title` is plain text, `main` is HTML, and `head` is
 * HTML to add to the head.
 */
export function page(title: string, main: string, head = ''): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)} · Simulator</title>
<link rel="icon" href="/people/64/simulator.svg" type="image/svg+xml">
<link rel="stylesheet" href="/simulator.css">${head}
</head>
<body>
<header><p><strong>Simulator</strong> This is the simulator that comes with Turntable, not Spotify.</p></header>
<main>
${main}
</main>
</body>
</html>
`;
}

/** Returns the page where a listener agrees or cancels. Its form contains the request in `fields`, which is checked again when it is sent. */
export function consentPage({
  redirectUri,
  scopes,
  fields,
  selected,
}: {
  redirectUri: string;
  scopes: readonly string[];
  fields: URLSearchParams;
  selected: string;
}): string {
  const { host, protocol } = new URL(redirectUri);
  const permissions = scopes.map((scope) => scopeDescriptions.get(scope) ?? scope);
  return page(
    'Sign in',
    `<form method="post" action="/authorize" class="card">
${[...fields].map(([name, value]) => `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`).join('\n')}
<h1>Sign in to Turntable</h1>
<p class="lead">On Spotify you’d enter your password here. In the simulator, just pick a listener.</p>
<fieldset>
<legend>Continue as</legend>
${listeners.map((listener) => listenerChoice(listener, listener.id === selected)).join('\n')}
</fieldset>
<section aria-labelledby="permissions">
<h2 id="permissions">Turntable will be able to</h2>
<ul class="scopes">
${(permissions.length > 0 ? permissions : ['See public information only']).map((permission) => `<li>${escapeHtml(permission)}</li>`).join('\n')}
</ul>
</section>
<div class="buttons">
<button type="submit" name="simulator_decision" value="agree" class="primary">Agree</button>
<button type="submit" name="simulator_decision" value="cancel">Cancel</button>
</div>
<p class="hint">Both buttons take you back to <span class="address">${escapeHtml(host || protocol)}</span>.</p>
</form>`,
  );
}

function listenerChoice(listener: Listener, checked: boolean): string {
  const { id, name, about } = listener;
  return `<label class="listener">
<input type="radio" name="simulator_listener" value="${id}" aria-describedby="about-${id}"${checked ? ' checked' : ''}>
${avatar(listener)}
<span class="person"><span class="name">${escapeHtml(name ?? id)}</span><span class="about" id="about-${id}">${escapeHtml(about)}</span></span>
</label>`;
}

/** Returns a listener's picture or a placeholder, as HTML. */
export function avatar({ id, hasPicture }: Pick<Listener, 'id' | 'hasPicture'>): string {
  return hasPicture
    ? `<img src="/people/64/${id}.svg" alt="" width="48" height="48">`
    : '<span class="no-picture" aria-hidden="true">?</span>';
}

/** Returns the page that Spotify shows instead of the sign-in if the app itself is wrong. It never sends the browser back. */
export function errorPage(message: string): string {
  const [, advice] = errorAdvice.find(([start]) => message.startsWith(start)) ?? [];
  return page(
    'Error',
    `<div class="card">
<h1>${escapeHtml(message)}</h1>
<p class="lead">${escapeHtml(advice ?? 'The app sent a request that Spotify doesn’t accept.')}</p>
<p class="hint">Like Spotify, the simulator shows this error here and doesn’t send you back to the app.</p>
</div>`,
  );
}

/** Explanations of errors for people, by the start of the error's message. */
const errorAdvice: readonly (readonly [string, string])[] = [
  ['INVALID_CLIENT: Failed', 'The client ID isn’t the one this simulator was started with.'],
  [
    'INVALID_CLIENT: Insecure',
    'Spotify accepts https addresses, http://127.0.0.1 and http://[::1], but not localhost.',
  ],
  [
    'INVALID_CLIENT: Invalid',
    'The redirect URI must match a registered one exactly, character for character.',
  ],
  ['Illegal scope', 'One of the requested permissions doesn’t exist.'],
];

/** Returns the page that an "Open on Spotify" link leads to. */
export function itemPage({ name, type, picture }: { name: string; type: string; picture: string }): string {
  return page(
    name,
    `<div class="card item">
<img src="${escapeHtml(picture)}" alt="" width="300" height="300">
<div>
<p class="hint">${escapeHtml(type)}</p>
<h1 dir="auto">${escapeHtml(name)}</h1>
<p>On Spotify, this link opens the ${escapeHtml(type)} in the Spotify app.</p>
</div>
</div>`,
  );
}

export function notFoundPage(): string {
  return page('Not found', '<div class="card"><h1>Page not found</h1></div>');
}

/** Returns text escaped for HTML, in content and in attributes with double quotes. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** Returns a button that posts an action, as HTML. Two buttons that replace each other share a `slot`, so that the focus moves from one to the other. */
export function button(
  action: string,
  text: string,
  {
    owner = 'spotify',
    slot = action,
    disabled = false,
    isPrimary = false,
  }: { owner?: string; slot?: string; disabled?: boolean; isPrimary?: boolean } = {},
): string {
  return `<button type="submit" id="${owner}-${slot}" formaction="/panel/${action}"${isPrimary ? ' class="primary"' : ''}${disabled ? ' disabled' : ''}>${escapeHtml(text)}</button>`;
}

/** Returns how long something lasts, rounded up: "40 s", "3 min", "5 h 40 min". */
export function formatDuration(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  if (seconds <= 90) return `${seconds} s`;
  const minutes = Math.ceil(seconds / 60);
  const [hours, rest] = [Math.floor(minutes / 60), minutes % 60];
  return [hours && `${hours} h`, rest && `${rest} min`].filter(Boolean).join(' ');
}
