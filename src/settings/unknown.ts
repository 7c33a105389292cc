/** Variables in .env that are meant for Node, the simulator, Docker Compose or libraries. */
const ignored =
  /^(NODE_\w+|npm_config_\w+|SIMULATOR_\w+|COMPOSE_\w+|DOCKER_\w+|(HTTPS?|NO|ALL)_PROXY|TZ|LANG|LC_\w+|DEBUG|NO_COLOR|FORCE_COLOR|CI)$/i;
const maxEdits = 2;

/** Returns a sentence for each of these names that is not a setting, with the setting that was probably meant. */
export function unknownSettings(names: readonly string[], settings: readonly string[]): string[] {
  const unknown = names.filter((name) => !settings.includes(name) && !ignored.test(name));
  return unknown.map((name) => {
    const similar = mostSimilar(name, settings);
    return `${name} isn’t a setting${similar === null ? '.' : `; did you mean ${similar}?`}`;
  });
}

/** Returns the most similar setting, or null if none is similar. A name without its first word, such as CLIENT_ID, counts as similar. */
function mostSimilar(name: string, settings: readonly string[]): string | null {
  const given = normalize(name);
  const edits = (setting: string) =>
    normalize(setting).endsWith(given) && given.length >= 5 ? 1 : editDistance(given, normalize(setting));
  const [best] = settings
    .map((setting) => ({ setting, edits: edits(setting) }))
    .sort((one, other) => one.edits - other.edits);
  return best && best.edits <= maxEdits ? best.setting : null;
}

const normalize = (name: string): string => name.toUpperCase().replaceAll('_', '');

/** The Levenshtein distance: the number of letters to insert, delete or replace. */
function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [index, letter] of [...one].entries()) {
    const next = [index + 1];
    for (const [column, otherLetter] of [...other].entries()) {
      const replaced = (row[column] ?? 0) + (letter === otherLetter ? 0 : 1);
      next.push(Math.min(replaced, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
