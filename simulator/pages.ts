import { type Listener, listeners } from './listeners.ts';
import { scopeWords } from './scopes.ts';

/** A frame around every page; each says first of all that it is not Spotify. `head` is for what one page needs beside. */
export function page(title: string, main: string, head = ''): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escaped(title)} · Simulator</title>
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

/** Where a listener agrees or not. `fields` travel in the form, so that the answer is checked like the question. */
export function consentPage(asked: {
  redirectUri: string;
  scopes: readonly string[];
  fields: URLSearchParams;
  chosen: string;
}): string {
  const { host, protocol } = new URL(asked.redirectUri);
  const words = asked.scopes.map((scope) => scopeWords.get(scope) ?? scope);
  return page(
    'Sign in',
    `<form method="post" action="/authorize" class="card">
${[...asked.fields].map(([name, value]) => `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`).join('\n')}
<h1>Sign in to Turntable</h1>
<p class="lead">At Spotify you would type your password here. In the simulator you just choose who you are.</p>
<fieldset>
<legend>Continue as</legend>
${listeners.map((listener) => choice(listener, listener.id === asked.chosen)).join('\n')}
</fieldset>
<section aria-labelledby="asks">
<h2 id="asks">Turntable asks to</h2>
<ul class="scopes">
${(words.length > 0 ? words : ['See what everybody can see']).map((word) => `<li>${escaped(word)}</li>`).join('\n')}
</ul>
</section>
<div class="buttons">
<button type="submit" name="simulator_decision" value="agree" class="agree">Agree</button>
<button type="submit" name="simulator_decision" value="cancel">Cancel</button>
</div>
<p class="note">Either way you go back to <span class="address">${escaped(host || protocol)}</span>.</p>
</form>`,
  );
}

function choice(listener: Listener, checked: boolean): string {
  const { id, name, about } = listener;
  return `<label class="listener">
<input type="radio" name="simulator_listener" value="${id}" aria-describedby="about-${id}"${checked ? ' checked' : ''}>
${face(listener)}
<span class="who"><span class="name">${escaped(name ?? id)}</span><span class="about" id="about-${id}">${escaped(about)}</span></span>
</label>`;
}

/** A listener's picture, or what stands in its place. */
export function face({ id, hasPicture }: Pick<Listener, 'id' | 'hasPicture'>): string {
  return hasPicture
    ? `<img src="/people/64/${id}.svg" alt="" width="48" height="48">`
    : '<span class="faceless" aria-hidden="true">?</span>';
}

/** What Spotify shows in place of the sign-in when the app itself is wrong: a few words, and no way back. */
export function refusalPage(words: string): string {
  return page(
    'Refused',
    `<div class="card">
<h1>${escaped(words)}</h1>
<p class="lead">${escaped(advice.find(([start]) => words.startsWith(start))?.[1] ?? 'The app sent something that Spotify would not accept.')}</p>
<p class="note">Spotify shows such an error on its own page too, and never sends the browser back.</p>
</div>`,
  );
}

const advice: readonly (readonly [string, string])[] = [
  ['INVALID_CLIENT: Failed', 'The client ID is not the one this simulator was started with.'],
  [
    'INVALID_CLIENT: Insecure',
    'Spotify accepts https addresses and http://127.0.0.1 or http://[::1], but not the name localhost.',
  ],
  [
    'INVALID_CLIENT: Invalid',
    'The redirect address has to be the same, letter for letter, as one that is registered.',
  ],
  ['Illegal scope', 'One of the permissions asked for does not exist.'],
];

/** What a link "open in Spotify" leads to. */
export function openPage(thing: { name: string; type: string; picture: string }): string {
  return page(
    thing.name,
    `<div class="card thing">
<img src="${escaped(thing.picture)}" alt="" width="300" height="300">
<div>
<p class="note">${escaped(thing.type)}</p>
<h1 dir="auto">${escaped(thing.name)}</h1>
<p>On Spotify this link opens the ${escaped(thing.type)} in the Spotify app.</p>
</div>
</div>`,
  );
}

/** For addresses where nothing is. */
export function missingPage(): string {
  return page('Not found', '<div class="card"><h1>There is nothing here</h1></div>');
}

export function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
