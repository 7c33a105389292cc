import { routes } from '../../routes.ts';
import type { PlaylistDetails } from '../../spotify/web-api.ts';
import type { ErrorPage } from '../../web/errors.ts';

/** As much as Spotify's own apps take. */
const longestName = 100;
const longestDescription = 300;

type Details = { details: PlaylistDetails; problem: ErrorPage | null };

/** Reads the name, description and visibility of a playlist from a form or from JSON, and says what is wrong with them. */
export function readDetails(sent: Record<string, unknown>): Details {
  const text = (value: unknown) => (typeof value === 'string' ? value.trim() : '');
  const details = {
    // Spotify takes no line breaks.
    name: text(sent.name).replace(/\s+/g, ' '),
    description: text(sent.description).replace(/\s+/g, ' '),
    public: sent.public === 'true' || sent.public === true,
  };
  return { details, problem: problemWith(details) };
}

function problemWith({ name, description }: PlaylistDetails): ErrorPage | null {
  const length = (value: string) => [...value].length;
  if (name === '') return badDetails('A playlist needs a name.');
  if (length(name) > longestName) return badDetails(`Its name may have ${longestName} characters at most.`);
  if (length(description) > longestDescription) {
    return badDetails(`Its description may have ${longestDescription} characters at most.`);
  }
  return null;
}

/** For what Spotify alone can tell. */
export const notTaken = badDetails(
  'Spotify does not take it like this. A playlist that you share with others, for one, can be seen on nobody’s profile.',
);

function badDetails(text: string): ErrorPage {
  return {
    status: 400,
    reason: 'bad-playlist',
    title: 'That cannot be a playlist',
    text,
    actions: [{ label: 'Go to your playlists', href: routes.playlists() }],
  };
}
