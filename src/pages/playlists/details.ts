import type { PlaylistDetails } from '../../spotify/playlist-change-calls.ts';
import type { ErrorPage } from '../../web/errors.ts';
import { isYes } from '../../web/fields.ts';
import { invalidDetails } from './problems.ts';

/** The limits in Spotify's own apps. */
const maxNameLength = 100;
const maxDescriptionLength = 300;

type Details = { details: PlaylistDetails; problem: ErrorPage | null };

/** Reads the name, description and visibility of a playlist from a form or from JSON. `problem`: what is invalid about them. */
export function readDetails(fields: Readonly<Record<string, unknown>>): Details {
  const text = (value: unknown) => (typeof value === 'string' ? value.trim() : '');
  const details = {
    // Spotify accepts no line breaks.
    name: text(fields.name).replace(/\s+/g, ' '),
    description: text(fields.description).replace(/\s+/g, ' '),
    public: isYes(fields.public),
  };
  return { details, problem: problemWith(details) };
}

function problemWith({ name, description }: PlaylistDetails): ErrorPage | null {
  const length = (value: string) => [...value].length;
  if (name === '') return invalidDetails('A playlist needs a name.');
  if (length(name) > maxNameLength)
    return invalidDetails(`A name can have up to ${maxNameLength} characters.`);
  if (length(description) > maxDescriptionLength)
    return invalidDetails(`A description can have up to ${maxDescriptionLength} characters.`);
  return null;
}
