import type { Simulator } from '../../simulator/simulator.ts';

/** The query of a sign-in that also grants the permissions to change things. */
export const allowAll =
  '?allow=playlist-modify-public+playlist-modify-private+user-library-modify+user-follow-modify+user-modify-playback-state+user-read-currently-playing';

/** Returns the calls to the Web API in order, such as `GET /me/player`. */
export function apiRequests(simulator: Simulator): string[] {
  return simulator.calls
    .filter(({ service }) => service === 'api')
    .map(({ method, path }) => `${method} ${path.replace('/v1', '')}`);
}

/** The address to which the notice of a page posts to undo an action. */
export function undoPath(html: string): string {
  const [, path] = /<form method="post" action="(\/undo\/[^"]+)">/.exec(html) ?? [];
  if (!path) throw new Error('The page offers no Undo');
  return path;
}

/** Returns the fields of the form with this action, without its buttons. */
export function formFields(html: string, action: string): Record<string, string> {
  const forms = html.match(/<form[\s\S]*?<\/form>/g) ?? [];
  const found = forms.filter((one) => one.includes(` action="${action}"`));
  // Some addresses have a form that shows something as well.
  const form = found.find((one) => one.includes(' method="post"')) ?? found[0];
  if (!form) throw new Error(`The page has no form with the action ${action}`);
  const fields = [...form.matchAll(/<input\b[^>]*>/g)].flatMap(([input]) => {
    const name = attribute(input, 'name');
    const off = /type="(radio|checkbox)"/.test(input) && !/\schecked\b/.test(input);
    return name === undefined || off ? [] : [[name, attribute(input, 'value') ?? '']];
  });
  return Object.fromEntries(fields);
}

function attribute(tag: string, name: string): string | undefined {
  const value = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1];
  return value
    ?.replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&#34;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');
}
