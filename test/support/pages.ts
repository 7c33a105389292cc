import type { Simulator } from '../../simulator/simulator.ts';

/** The query of a sign-in that gives the permissions to change things, too. */
export const allowAll =
  '?allow=playlist-modify-public+playlist-modify-private+user-library-modify+user-modify-playback-state';

/** What Spotify's Web API was asked, in order, such as `GET /me/player`. */
export function asked(simulator: Simulator): string[] {
  return simulator.calls
    .filter(({ service }) => service === 'api')
    .map(({ method, path }) => `${method} ${path.replace('/v1', '')}`);
}

/** The fields that the form with this action would send, as the page has them; its buttons are not among them. */
export function formIn(html: string, action: string): Record<string, string> {
  const forms = html.match(/<form[\s\S]*?<\/form>/g) ?? [];
  const form = forms.find((one) => one.includes(`action="${action}"`));
  if (!form) throw new Error(`There is no form for ${action} on the page`);
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
