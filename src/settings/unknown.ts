/** What .env may hold for others: Node, the simulator, Docker Compose, and libraries. */
const ofOthers =
  /^(NODE_\w+|npm_config_\w+|SIMULATOR_\w+|COMPOSE_\w+|DOCKER_\w+|(HTTPS?|NO|ALL)_PROXY|TZ|LANG|LC_\w+|DEBUG|NO_COLOR|FORCE_COLOR|CI)$/i;
const mostEdits = 2;

/** A sentence for each of these names from .env that is no setting of ours, with the setting it may stand for. */
export function unknownSettings(names: readonly string[], settings: readonly string[]): string[] {
  const unknown = names.filter((name) => !settings.includes(name) && !ofOthers.test(name));
  return unknown.map((name) => {
    const meant = closest(name, settings);
    return `${name} isn't a setting${meant === null ? '.' : `; did you mean ${meant}?`}`;
  });
}

/** The setting that differs least; null if none is close. A name without its first word, such as CLIENT_ID, is close too. */
function closest(name: string, settings: readonly string[]): string | null {
  const wanted = plain(name);
  const edits = (setting: string) =>
    plain(setting).endsWith(wanted) && wanted.length >= 5 ? 1 : distance(wanted, plain(setting));
  const [best] = settings
    .map((setting) => ({ setting, edits: edits(setting) }))
    .sort((one, other) => one.edits - other.edits);
  return best && best.edits <= mostEdits ? best.setting : null;
}

const plain = (name: string): string => name.toUpperCase().replaceAll('_', '');

/** How many letters have to be put in, taken out or replaced to make one name of the other (Levenshtein). */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [index, letter] of [...one].entries()) {
    const next = [index + 1];
    for (const [place, found] of [...other].entries()) {
      const replaced = (row[place] ?? 0) + (letter === found ? 0 : 1);
      next.push(Math.min(replaced, (row[place + 1] ?? 0) + 1, (next[place] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
